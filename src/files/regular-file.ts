/** Reading of small files with a size limit. An attacker may replace the file by a pipe, a device or a huge file. */
import { resolve } from "node:path";
import type { Context } from "../context.ts";
import { unreadableFile } from "../errors.ts";
import { type OpenedFile, UnfitFileError, withOpened } from "./opened-file.ts";

export interface RegularFile {
  readonly bytes: Buffer;
  /** The owner. */
  readonly userId: number;
}

/** Reads an open file from its current position. @throws {UnfitFileError} more than `maxBytes` */
export async function readBounded({ handle, path }: OpenedFile, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for (;;) {
    // The stated size is not used: the file may grow, and the size is 0 in /proc.
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, null);
    if (bytesRead === 0) return Buffer.concat(chunks);
    chunks.push(buffer.subarray(0, bytesRead));
    size += bytesRead;
    if (size > maxBytes) {
      throw new UnfitFileError("LOCAL_IO", `${path} is larger than the limit of ${maxBytes} bytes`, {
        hint: "check whether this is the intended file",
      });
    }
  }
}

/**
 * Reads a whole file.
 *
 * @throws {UnfitFileError} not a regular file, or more than `maxBytes`
 * @throws Node's error for a missing or unreadable file
 */
export async function readRegularFile(path: string, maxBytes: number): Promise<RegularFile> {
  return await withOpened(path, async (file) => ({
    bytes: await readBounded(file, maxBytes),
    userId: file.userId,
  }));
}

/** The fault of a file in UTF-16, and its remedy: text of this kind looks right in any editor. */
export const utf16 = {
  why: "is text in UTF-16",
  hint: "write the file as UTF-8: `>` of Windows PowerShell writes UTF-16, and `| Out-File -Encoding ascii` does not",
} as const;

/** True for text in UTF-16 that was read as UTF-8: every other byte of ASCII is 0. */
export function isUtf16(text: string): boolean {
  return text.includes("\0");
}

/**
 * Reads the text of a file that the user named, without a byte order mark.
 *
 * @param name As the user wrote the path, for messages.
 * @throws {OrasClientError} such as `FILE_NOT_FOUND`
 */
export async function readNamedText(name: string, maxBytes: number, { cwd }: Pick<Context, "cwd">): Promise<string> {
  try {
    return (await readRegularFile(resolve(cwd, name), maxBytes)).bytes.toString("utf8").replace(/^\uFEFF/, "");
  } catch (cause) {
    throw unreadableFile(name, cause);
  }
}
