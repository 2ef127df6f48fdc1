/** Where paths lead once every link on the way is followed. */
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
 * @param path Absolute; what is missing at its end is kept as it is written.
 * @returns undefined where nobody can tell: a link that leads nowhere yet or in a circle, a folder that cannot be searched.
 */
export function realLocation(path: string): string | undefined {
  try {
    // The native one knows the true case of names where the file system does not tell cases apart.
    return realpathSync.native(path);
  } catch (cause) {
    const isMissing = isErrno(cause, "ENOENT") && !isThere(path) && dirname(path) !== path;
    const parent = isMissing ? realLocation(dirname(path)) : undefined;
    return parent === undefined ? undefined : join(parent, basename(path));
  }
}

/** True for what is below a folder, and for the folder itself; both are absolute, and links in them are not followed. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** {@link isInside} for where both lead; undefined where nobody can tell. */
export function leadsInside(path: string, folder: string): boolean | undefined {
  const [inner, outer] = [realLocation(path), realLocation(folder)];
  return inner === undefined || outer === undefined ? undefined : isInside(inner, outer);
}
