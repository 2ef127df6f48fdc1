/**
 * A file that stands open. What is read comes from this one file, whoever gives its name to another one meanwhile.
 */
import { constants, type Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { LocalIoError } from "../errors.ts";

export interface OpenedFile {
  /** Names the file in messages: mostly the path that it was opened by. */
  readonly path: string;
  /** Bytes, when it was opened. */
  readonly size: number;
  /** Its owner. */
  readonly userId: number;
  readonly handle: FileHandle;
}

/** A file, or the path of one. */
export type FileSource = string | OpenedFile;

/** The path leads to no file, or to a larger one than is read; the message names it. */
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
    hint: "name another file",
  });
}

/** Windows has none of the last three. */
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_NOCTTY = 0 } = constants;

/**
 * Opens a regular file for reading, and never waits for one: a named pipe would hold the process until somebody writes to it, and no
 * signal or deadline is listened to meanwhile.
 *
 * @param links Whether a link at the end of the path is followed.
 * @param name For messages.
 * @throws {UnfitFileError} no regular file
 * @throws Node's error where it is missing or cannot be read; `ELOOP` for a link that is not followed
 * @see open(2), O_NONBLOCK: a pipe is opened at once; O_NOCTTY: a terminal does not become the process's own
 */
export async function openFile(path: string, links: "follow" | "refuse", name = path): Promise<OpenedFile> {
  // Devices do things when they are opened.
  if (links === "follow") checkFile(await stat(path), name);
  const handle = await open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | (links === "refuse" ? O_NOFOLLOW : 0));
  try {
    const stats = await handle.stat();
    checkFile(stats, name);
    return { path: name, size: stats.size, userId: stats.uid, handle };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Hands out the file, opened; closes what it opened itself. */
export async function withOpened<T>(source: FileSource, work: (file: OpenedFile) => Promise<T>): Promise<T> {
  if (typeof source !== "string") return await work(source);
  const file = await openFile(source, "follow");
  try {
    return await work(file);
  } finally {
    await file.handle.close();
  }
}

/** The first bytes, at most so many. */
export async function readHead({ handle }: Pick<OpenedFile, "handle">, maxBytes: number): Promise<Uint8Array> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(maxBytes), 0, maxBytes, 0);
  return buffer.subarray(0, bytesRead);
}

/**
 * Reads a file from its beginning, whatever was read of it before. One piece is read while the one before it is used.
 *
 * @param pieceBytes Of each piece but the last.
 * @param first Byte to begin with.
 */
export async function* piecesOf(
  { handle }: OpenedFile,
  pieceBytes: number,
  signal: AbortSignal,
  first = 0,
): AsyncGenerator<Uint8Array, void, undefined> {
  const readAt = (position: number): Promise<{ bytesRead: number; buffer: Uint8Array }> => {
    const reading = handle.read(Buffer.allocUnsafe(pieceBytes), 0, pieceBytes, position);
    // Awaited in the next round; until then nobody else would hear of its failure.
    reading.catch(() => {});
    return reading;
  };
  let next = readAt(first);
  try {
    for (let position = first; ; ) {
      signal.throwIfAborted();
      const { bytesRead, buffer } = await next;
      if (bytesRead === 0) return;
      position += bytesRead;
      next = readAt(position);
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    // The file may be closed right after: no read may be under way then.
    await next.catch(() => {});
  }
}
