/** Comparison of two files byte by byte. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

const pieceBytes = 256 * 1024;
/** Refuses links and does not block on pipes, in case they replaced a file. Windows lacks both flags. */
const readFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

async function fill(file: FileHandle, buffer: Buffer, position: number): Promise<Buffer> {
  let filled = 0;
  while (filled < buffer.byteLength) {
    const { bytesRead } = await file.read(buffer, filled, buffer.byteLength - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** @throws Node's error */
export async function haveSameBytes(path: string, other: string): Promise<boolean> {
  const files: FileHandle[] = [];
  try {
    const a = await open(path, readFlags);
    files.push(a);
    const b = await open(other, readFlags);
    files.push(b);
    const [statsA, statsB] = [await a.stat(), await b.stat()];
    if (!statsA.isFile() || !statsB.isFile() || statsA.size !== statsB.size) return false;
    const [bufferA, bufferB] = [Buffer.allocUnsafe(pieceBytes), Buffer.allocUnsafe(pieceBytes)];
    for (let position = 0; ; ) {
      const [pieceA, pieceB] = [await fill(a, bufferA, position), await fill(b, bufferB, position)];
      if (!pieceA.equals(pieceB)) return false;
      if (pieceA.byteLength < pieceBytes) return true;
      position += pieceA.byteLength;
    }
  } finally {
    for (const file of files) await file.close();
  }
}
