/** Creation of folders with their missing parents. */
import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { isErrno } from "../errors.ts";

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return false;
    throw cause;
  }
}

/**
 * Creates a folder and its missing parents.
 *
 * Node's `recursive` is not used. Below an existing folder that refuses entries with ENOENT (`/proc`), Node 20 and 22
 * loop forever. On a read-only file system they report ENOENT instead of EROFS.
 *
 * @param mode Mode of new folders, less the umask. The default lets no umask create a folder that others can write
 *   into.
 * @returns The topmost new folder; undefined if the folder existed.
 * @throws Node's error; EEXIST or ENOTDIR if something other than a folder is in the way.
 */
export async function makeFolder(path: string, mode = 0o755): Promise<string | undefined> {
  const missing: string[] = [];
  for (let folder = resolve(path); !(await isFolder(folder)); folder = dirname(folder)) {
    missing.push(folder);
    if (folder === dirname(folder)) break;
  }
  for (const folder of missing.toReversed()) {
    try {
      await mkdir(folder, mode);
    } catch (cause) {
      // A concurrent process may have created the folder.
      if (!isErrno(cause, "EEXIST") || !(await isFolder(folder))) throw cause;
    }
  }
  return missing.at(-1);
}
