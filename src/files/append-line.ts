/** Appending of lines to a file shared by several processes. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { localIoError } from "../errors.ts";
import { makeFolder } from "./folder.ts";

/**
 * Appends a line in one write, so that lines of several processes never mix. Creates a missing file, readable by owner
 * and group.
 *
 * The path may name a pipe or a terminal (`/dev/stderr`). Never blocks: a pipe without a reader is an error.
 *
 * @param line Without the newline.
 * @throws {LocalIoError}
 * @see POSIX open(), O_APPEND: the offset is set to the end with no intervening modification; O_NONBLOCK: ENXIO for a
 *   pipe
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
