/** Makes folders, and says truly why it could not. */
import { access, constants, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { isErrno } from "../errors.ts";

/**
 * Makes a folder and those above it.
 *
 * @throws Node's error; on a read-only file system EROFS, where `mkdir` with `recursive` says ENOENT.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) await checkWritable(dirname(path));
    throw cause;
  }
}

/** Throws what the nearest folder that exists has against being written to. */
async function checkWritable(path: string): Promise<void> {
  try {
    await access(path, constants.W_OK);
  } catch (cause) {
    if (!isErrno(cause, "ENOENT") || dirname(path) === path) throw cause;
    await checkWritable(dirname(path));
  }
}
