/** An open file. All reads come from the same file, even if its path is replaced. */
import { constants, type Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { LocalIoError } from "../errors.ts";
import { markOwned } from "./released-bytes.ts";

export interface OpenedFile {
  /** Names the file in messages: usually the path. */
  readonly path: string;
  /** Bytes at the time of opening. */
  readonly size: number;
  /** The owner. */
  readonly userId: number;
  readonly handle: FileHandle;
}

/** An open file, or a file's path. */
export type FileSource = string | OpenedFile;

/** The path names no regular file, or a file over the size limit. */
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

/** Windows lacks the last three flags. */
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_NOCTTY = 0 } = constants;

/**
 * Opens a regular file for reading, without blocking. Opening a named pipe would otherwise block until a writer
 * appears, ignoring signals and deadlines.
 *
 * @param links Whether to follow a link at the end of the path.
 * @param name Names the file in messages.
 * @throws {UnfitFileError} not a regular file
 * @throws Node's error for a missing or unreadable file; `ELOOP` for a refused link
 * @see open(2), O_NONBLOCK: a pipe is opened at once; O_NOCTTY: a terminal does not become the controlling terminal
 */
export async function openFile(path: string, links: "follow" | "refuse", name = path): Promise<OpenedFile> {
  // Opening a device can have side effects.
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

/** The same open file under another name in messages: a file of the cache by the artifact that it belongs to. */
export function calledAs(file: OpenedFile, name: string): OpenedFile {
  return { ...file, path: name };
}

/** Runs `work` with the open file. Closes only a file that it opened itself. */
export async function withOpened<T>(source: FileSource, work: (file: OpenedFile) => Promise<T>): Promise<T> {
  if (typeof source !== "string") return await work(source);
  const file = await openFile(source, "follow");
  try {
    return await work(file);
  } finally {
    await file.handle.close();
  }
}

/** Reads the first bytes, at most `maxBytes`. */
export async function readHead({ handle }: Pick<OpenedFile, "handle">, maxBytes: number): Promise<Uint8Array> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(maxBytes), 0, maxBytes, 0);
  return buffer.subarray(0, bytesRead);
}

/** Buffer for the read that finds the end of a file. */
const endBytes = 4096;

/**
 * Reads a file by absolute positions. The next piece is read while the current piece is used.
 *
 * @param pieceBytes Maximum size of a piece; no buffer is larger than the rest of the file.
 * @param first Offset of the first byte.
 */
export async function* piecesOf(
  { handle, size }: OpenedFile,
  pieceBytes: number,
  signal: AbortSignal,
  first = 0,
): AsyncGenerator<Uint8Array, void, undefined> {
  const readAt = (position: number): Promise<{ bytesRead: number; buffer: Uint8Array }> => {
    // The file may grow during the read.
    const bytes = Math.min(pieceBytes, Math.max(size - position, endBytes));
    const reading = handle.read(Buffer.allocUnsafe(bytes), 0, bytes, position);
    // Awaited in the next round; the handler avoids an unhandled rejection until then.
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
      const piece = buffer.subarray(0, bytesRead);
      markOwned(piece);
      yield piece;
    }
  } finally {
    // The caller may close the file next: no read may be pending.
    await next.catch(() => {});
  }
}
