/** Files verified by this process, which need no second hash on placing. */
import type { FileHandle } from "node:fs/promises";

export class VerifiedFiles {
  /** Path → identity of the verified file. */
  readonly #seen = new Map<string, string>();

  /** @param handle The verified file; `has` compares it with the file at the path. */
  async add(path: string, handle: FileHandle): Promise<void> {
    this.#seen.set(path, await identify(handle));
  }

  /** True if the open file is the verified file, and nobody wrote into it since, or changed its mode or times. */
  async has(path: string, handle: FileHandle): Promise<boolean> {
    const seen = this.#seen.get(path);
    return seen !== undefined && seen === (await identify(handle));
  }
}

/** The time of the last change is set by the system alone: a program that writes can set the time of the last write back. */
async function identify(handle: FileHandle): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await handle.stat({ bigint: true });
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}
