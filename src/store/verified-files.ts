/** Files whose bytes this process verified a moment ago, so that it need not hash them once more to place them. */
import type { FileHandle } from "node:fs/promises";

export class VerifiedFiles {
  /** Path → the file that was verified there. */
  readonly #seen = new Map<string, string>();

  /** @param handle The file whose bytes were verified; whether it stands at the path is seen when it is asked for. */
  async add(path: string, handle: FileHandle): Promise<void> {
    this.#seen.set(path, await identify(handle));
  }

  /** True if the open file is the one that was verified, with the same size and time. */
  async has(path: string, handle: FileHandle): Promise<boolean> {
    const seen = this.#seen.get(path);
    return seen !== undefined && seen === (await identify(handle));
  }
}

async function identify(handle: FileHandle): Promise<string> {
  const { dev, ino, size, mtimeNs } = await handle.stat({ bigint: true });
  return `${dev} ${ino} ${size} ${mtimeNs}`;
}
