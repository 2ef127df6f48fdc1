/**
 * A file that stands open. What is read comes from this one file, whoever gives its name to another one meanwhile.
 */
import { constants, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

export interface OpenedFile {
  /** The path that it was opened by; names the file in messages. */
  readonly path: string;
  /** Bytes, when it was opened. */
  readonly size: number;
  readonly handle: FileHandle;
}

/** A file, or the path of one. */
export type FileSource = string | OpenedFile;

/** Windows has neither flag. `O_NONBLOCK`: opening a pipe would wait for somebody who writes into it. */
const { O_NOFOLLOW = 0, O_NONBLOCK = 0, O_RDONLY } = constants;

/** Node's error for what is no regular file. */
class NotAFileError extends Error {
  readonly code: string;
  readonly syscall = "open";

  constructor(path: string, stats: Stats) {
    const isFolder = stats.isDirectory();
    super(`${path} is ${isFolder ? "a folder" : "a pipe, a socket or a device"}, not a file`);
    this.code = isFolder ? "EISDIR" : "EINVAL";
  }
}

/**
 * Opens a regular file for reading; never waits, and reads nothing.
 *
 * @param links Whether a link at the end of the path is followed.
 * @throws Node's errors; `EISDIR` and `EINVAL` for what is no file, `ELOOP` for a link that is not followed.
 */
export async function openFile(path: string, links: "follow" | "refuse"): Promise<OpenedFile> {
  const handle = await open(path, O_RDONLY | O_NONBLOCK | (links === "refuse" ? O_NOFOLLOW : 0));
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new NotAFileError(path, stats);
    return { path, size: stats.size, handle };
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

/**
 * Reads a file from its beginning, whatever was read of it before. One piece is read while the one before it is used.
 *
 * @param pieceBytes Of each piece but the last.
 */
export async function* piecesOf(
  { handle }: OpenedFile,
  pieceBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const readAt = (position: number): Promise<{ bytesRead: number; buffer: Uint8Array }> => {
    const reading = handle.read(Buffer.allocUnsafe(pieceBytes), 0, pieceBytes, position);
    // Awaited in the next round; until then nobody else would hear of its failure.
    reading.catch(() => {});
    return reading;
  };
  let next = readAt(0);
  try {
    for (let position = 0; ; ) {
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
