/** Streams bytes into a new file and hashes them on their way; hashing and writing overlap. */
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { type Digest, digestFromHex } from "../model/digest.ts";

export interface WrittenFile {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** The first bytes, up to `headBytes`: enough to tell an executable. */
  readonly head: Uint8Array;
}

export const headBytes = 64;
/** Chunks are written in pieces of at least this size. */
const pieceBytes = 512 * 1024;

async function writeAll(handle: FileHandle, chunks: Uint8Array[], size: number): Promise<void> {
  const { bytesWritten } = await handle.writev(chunks);
  // A short write happens when the disk fills up; the next one then says so.
  if (bytesWritten < size) await handle.writeFile(Buffer.concat(chunks).subarray(bytesWritten));
}

/**
 * @param path Must not exist.
 * @param maxBytes The chunk that goes past it is not written.
 * @param onTooLong Makes the error for that.
 * @param onBytes Told the size of each chunk.
 */
export async function writeHashed(
  path: string,
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
  onTooLong: () => Error,
  signal: AbortSignal,
  onBytes: (chunkBytes: number) => void = () => {},
): Promise<WrittenFile> {
  const hash = createHash("sha256");
  const handle = await open(path, "wx", 0o600);
  let head: Uint8Array = new Uint8Array();
  let size = 0;
  let piece: Uint8Array[] = [];
  let pieceSize = 0;
  let writing: Promise<void> = Promise.resolve();
  try {
    for await (const chunk of source) {
      signal.throwIfAborted();
      size += chunk.byteLength;
      if (size > maxBytes) throw onTooLong();
      if (head.byteLength < headBytes) head = Buffer.concat([head, chunk.subarray(0, headBytes - head.byteLength)]);
      piece.push(chunk);
      pieceSize += chunk.byteLength;
      hash.update(chunk);
      onBytes(chunk.byteLength);
      if (pieceSize >= pieceBytes) {
        await writing;
        writing = writeAll(handle, piece, pieceSize);
        // It is awaited before the next piece; until then nobody else would hear of its failure.
        writing.catch(() => {});
        piece = [];
        pieceSize = 0;
      }
    }
    await writing;
    if (pieceSize > 0) await writeAll(handle, piece, pieceSize);
  } finally {
    await writing.catch(() => {});
    await handle.close();
  }
  return { digest: digestFromHex(hash.digest("hex")), size, head };
}
