/** Comparison of paths after links are followed. */
import { lstatSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";
import { isErrno } from "../errors.ts";

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param path Absolute; missing components at the end are kept as written.
 * @returns undefined if unknown: a broken or circular link, or a folder without search permission.
 */
export function realLocation(path: string): string | undefined {
  try {
    // The native version returns the true case of names on case-insensitive file systems.
    return realpathSync.native(path);
  } catch (cause) {
    const isMissing = isErrno(cause, "ENOENT") && !isThere(path) && dirname(path) !== path;
    const parent = isMissing ? realLocation(dirname(path)) : undefined;
    return parent === undefined ? undefined : join(parent, basename(path));
  }
}

/** True for a path below a folder, and for the folder itself. Both are absolute; links are not followed. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** {@link isInside} after links are followed; undefined if unknown. */
export function leadsInside(path: string, folder: string): boolean | undefined {
  const [inner, outer] = [realLocation(path), realLocation(folder)];
  return inner === undefined || outer === undefined ? undefined : isInside(inner, outer);
}
