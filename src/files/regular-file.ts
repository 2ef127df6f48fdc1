/** Reads small files by path, whatever somebody may have put in their place. */
import { type OpenedFile, UnfitFileError, withOpened } from "./opened-file.ts";

export interface RegularFile {
  readonly bytes: Buffer;
  /** Its owner. */
  readonly userId: number;
}

/** @throws {UnfitFileError} more than `maxBytes` */
export async function readBounded({ handle, path }: OpenedFile, maxBytes: number): Promise<Buffer> {
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
 * Reads a whole file.
 *
 * @throws {UnfitFileError} no regular file, or more than `maxBytes`
 * @throws Node's error where it is missing or cannot be read
 */
export async function readRegularFile(path: string, maxBytes: number): Promise<RegularFile> {
  return await withOpened(path, async (file) => ({
    bytes: await readBounded(file, maxBytes),
    userId: file.userId,
  }));
}
