/** Choice of an archive's executable and include folder. */
import type { ArchiveEntry } from "../archive/list.ts";

function only<T>(items: readonly T[]): T | undefined {
  return items.length === 1 ? items[0] : undefined;
}

/**
 * Chooses `bin/<name>`, else the only `…/bin/<name>`, else the only executable file; with `.exe` for Windows.
 *
 * @returns Path in the archive; undefined without a clear choice.
 */
export function executableIn(entries: readonly ArchiveEntry[], name: string): string | undefined {
  const files = entries.filter((entry) => entry.kind === "file").map((entry) => entry.path);
  for (const suffix of [`bin/${name}`, `bin/${name}.exe`]) {
    const found = files.find((path) => path === suffix) ?? only(files.filter((path) => path.endsWith(`/${suffix}`)));
    if (found !== undefined) return found;
  }
  const isTool = (entry: ArchiveEntry): boolean =>
    entry.kind === "file" && ((entry.mode & 0o111) !== 0 || entry.path.toLowerCase().endsWith(".exe"));
  return only(entries.filter(isTool))?.path;
}

/** @returns Path of the folder `include`, at the top or below one leading folder. */
export function includeIn(entries: readonly ArchiveEntry[]): string | undefined {
  for (const { path } of entries) {
    const found = /^(?:[^/]+\/)?include(?=\/)/.exec(path)?.[0];
    if (found !== undefined) return found;
  }
  return undefined;
}
