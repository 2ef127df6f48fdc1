/** Appends to a file that other processes append to as well. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { localIoError } from "../errors.ts";
import { makeFolder } from "./folder.ts";

/**
 * One write to a file that was opened for appending, so that lines of several processes never mix; the file is made when it
 * is missing, readable by its owner and group.
 *
 * A pipe or a terminal (`/dev/stderr`) is taken as well, and never waited for: one that nobody reads is an error.
 *
 * @param line Without the newline.
 * @see POSIX open(), O_APPEND: the offset is set to the end with no intervening modification; O_NONBLOCK: ENXIO for a pipe
 * without a reader; write(): EAGAIN for a full one
 */
export async function appendLine(path: string, line: string): Promise<void> {
  const bytes = Buffer.from(`${line}\n`, "utf8");
  try {
    await makeFolder(dirname(path));
    const { O_APPEND, O_CREAT, O_WRONLY, O_NONBLOCK = 0, O_NOCTTY = 0 } = constants;
    const handle = await open(path, O_APPEND | O_CREAT | O_WRONLY | O_NONBLOCK | O_NOCTTY, 0o640);
    try {
      const { bytesWritten } = await handle.write(bytes);
      if (bytesWritten < bytes.byteLength) throw new Error("the disk is full");
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw localIoError(`write ${path}`, cause);
  }
}
