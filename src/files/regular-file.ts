/** Reads small files by path, whatever somebody may have put in their place. */
import { constants, type Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { LocalIoError } from "../errors.ts";

export interface RegularFile {
  readonly bytes: Buffer;
  /** Its owner. */
  readonly userId: number;
}

/** What is there is no file, or a larger one than is read; the message names it. */
export class UnfitFileError extends LocalIoError {}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "a folder";
  if (stats.isFIFO()) return "a named pipe";
  if (stats.isSocket()) return "a socket";
  return "a device";
}

function checkFile(stats: Stats, path: string): void {
  if (stats.isFile()) return;
  throw new UnfitFileError("LOCAL_IO", `${path} is ${kindOf(stats)}, where a file is expected`, {
    hint: "remove it, or name another file",
  });
}

async function readBounded(handle: FileHandle, path: string, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for (;;) {
    // Not by the size that the system states: it may grow, and is 0 in /proc.
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, null);
    if (bytesRead === 0) return Buffer.concat(chunks);
    chunks.push(buffer.subarray(0, bytesRead));
    size += bytesRead;
    if (size > maxBytes) {
      throw new UnfitFileError("LOCAL_IO", `${path} has more than the ${maxBytes} bytes that are read of it`, {
        hint: "look whether it is the file that was meant",
      });
    }
  }
}

/**
 * Reads a whole file, and never waits for one: a named pipe would hold the process until somebody writes to it, and no signal
 * or deadline is listened to meanwhile.
 *
 * @throws {UnfitFileError} no regular file, or more than `maxBytes`
 * @throws Node's error where it is missing or cannot be read
 * @see open(2), O_NONBLOCK: a pipe is opened at once; O_NOCTTY: a terminal does not become the process's own
 */
export async function readRegularFile(path: string, maxBytes: number): Promise<RegularFile> {
  // Devices do things when they are opened.
  checkFile(await stat(path), path);
  const { O_RDONLY, O_NONBLOCK = 0, O_NOCTTY = 0 } = constants;
  const handle = await open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  try {
    const stats = await handle.stat();
    checkFile(stats, path);
    return { bytes: await readBounded(handle, path, maxBytes), userId: stats.uid };
  } finally {
    await handle.close();
  }
}
