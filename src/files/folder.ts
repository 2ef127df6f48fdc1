/** Makes folders, one by one. */
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
 * Makes a folder and those above it that are missing.
 *
 * Not by Node's `recursive`: where the system answers ENOENT below a folder that exists (`/proc`), Node 20 and 22 try for ever,
 * and on a read-only file system they say ENOENT where the system says EROFS.
 *
 * @param mode Of what is made, less what the umask takes: no umask makes a folder that others may write into.
 * @returns The topmost folder that was made; undefined if all were there.
 * @throws Node's error; EEXIST or ENOTDIR where something else than a folder is in the way.
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
      // Another process may have been first.
      if (!isErrno(cause, "EEXIST") || !(await isFolder(folder))) throw cause;
    }
  }
  return missing.at(-1);
}
