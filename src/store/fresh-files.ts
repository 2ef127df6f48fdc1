/** Files whose bytes this process verified a moment ago, so that it need not hash them once more to place them. */
import { stat } from "node:fs/promises";

export class FreshFiles {
  /** Path → what `stat` said when it was verified. */
  readonly #seen = new Map<string, string>();

  /** Call right after the file at `path` was verified. */
  async add(path: string): Promise<void> {
    const identity = await identify(path);
    if (identity !== undefined) this.#seen.set(path, identity);
  }

  /** True while `stat` still shows the same file with the same size and time. */
  async has(path: string): Promise<boolean> {
    const seen = this.#seen.get(path);
    return seen !== undefined && seen === (await identify(path));
  }
}

async function identify(path: string): Promise<string | undefined> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  return stats === undefined ? undefined : `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs}`;
}
