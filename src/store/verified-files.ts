/** Files verified by this process, which need no second hash on placing. */
import type { FileHandle } from "node:fs/promises";

export class VerifiedFiles {
  /** Path → identity of the verified file. */
  readonly #seen = new Map<string, string>();

  /** @param handle The verified file; `has` compares it with the file at the path. */
  async add(path: string, handle: FileHandle): Promise<void> {
    this.#seen.set(path, await identify(handle));
  }

  /** True if the open file is the verified file, with unchanged size and time. */
  async has(path: string, handle: FileHandle): Promise<boolean> {
    const seen = this.#seen.get(path);
    return seen !== undefined && seen === (await identify(handle));
  }
}

async function identify(handle: FileHandle): Promise<string> {
  const { dev, ino, size, mtimeNs } = await handle.stat({ bigint: true });
  return `${dev} ${ino} ${size} ${mtimeNs}`;
}
