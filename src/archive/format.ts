/** Formats of files, told by their bytes: names and media types are often wrong. */
import { unreadableFile } from "../errors.ts";
import { type FileSource, type OpenedFile, readHead, withOpened } from "../files/opened-file.ts";
import { beginningOf, readChunks } from "./chunks.ts";
import { type Compression, decompressed } from "./compression.ts";

/** `gzip` and `zstd` are single compressed files; `raw` is all that this package unpacks no further. */
export const fileFormats = ["raw", "gzip", "zstd"] as const;
export const archiveFormats = ["tar", "tar.gz", "tar.zst", "zip"] as const;
export type ArchiveFormat = (typeof fileFormats)[number] | (typeof archiveFormats)[number];

/** True for what unpacks into a folder; a single compressed file is none. */
export function isArchive(format: ArchiveFormat): boolean {
  return archiveFormats.some((one) => one === format);
}

/** Bytes of a tar header, which tell a tar from anything else. */
const tarHeaderBytes = 512;

/** Compressed bytes that a first block is looked for in: what is longer has nothing in it that a format could be told by. */
const maxSniffedBytes = 4 * 1024 * 1024;

/** Magic numbers of formats that are known and not unpacked; for messages. */
const unsupportedMagics: readonly (readonly [name: string, magic: readonly number[]])[] = [
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["7z", [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ["lzma", [0x5d, 0x00, 0x00]],
  ["lzip", [0x4c, 0x5a, 0x49, 0x50]],
  ["rar", [0x52, 0x61, 0x72, 0x21, 0x1a, 0x07]],
];

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return bytes.length >= magic.length && magic.every((byte, index) => bytes[index] === byte);
}

/** A first block of a tar, of any age: its checksum is right (POSIX.1-2024, pax, "ustar Interchange Format"). */
function isTarHeader(block: Uint8Array): boolean {
  if (block.length < tarHeaderBytes || block[0] === 0) return false;
  const stated = /^ *([0-7]+)[ \0]/.exec(Buffer.from(block.subarray(148, 156)).toString("latin1"))?.[1];
  if (stated === undefined) return false;
  let sum = 8 * 0x20;
  for (const [index, byte] of block.entries()) if (index < tarHeaderBytes && (index < 148 || index >= 156)) sum += byte;
  return Number.parseInt(stated, 8) === sum;
}

/** True if the content begins like a tar; damaged content is for whoever unpacks it to complain about. */
async function holdsTar(file: OpenedFile, compression: Compression): Promise<boolean> {
  let head = Buffer.alloc(0);
  try {
    const source = beginningOf(readChunks(file, new AbortController().signal), maxSniffedBytes);
    for await (const chunk of decompressed(source, compression)) {
      head = Buffer.concat([head, chunk]);
      if (head.length >= tarHeaderBytes) break;
    }
  } catch {
    // What came out before the damage is enough, or it is not.
  }
  return isTarHeader(head);
}

/**
 * @throws {ArtifactNotFoundError} `FILE_NOT_FOUND`
 * @throws {LocalIoError}
 */
export async function sniffFile(source: FileSource): Promise<ArchiveFormat> {
  return await reading(source, formatOf);
}

async function reading<T>(source: FileSource, work: (file: OpenedFile) => Promise<T>): Promise<T> {
  try {
    return await withOpened(source, work);
  } catch (cause) {
    throw unreadableFile(typeof source === "string" ? source : source.path, cause);
  }
}

async function formatOf(file: OpenedFile): Promise<ArchiveFormat> {
  const head = await readHead(file, tarHeaderBytes);
  if (startsWith(head, [0x1f, 0x8b])) return (await holdsTar(file, "gzip")) ? "tar.gz" : "gzip";
  const isSkippableFrame = startsWith(head.subarray(1), [0x2a, 0x4d, 0x18]) && ((head[0] ?? 0) & 0xf0) === 0x50;
  if (startsWith(head, [0x28, 0xb5, 0x2f, 0xfd]) || isSkippableFrame) {
    return (await holdsTar(file, "zstd")) ? "tar.zst" : "zstd";
  }
  // A local header, or the end record of an empty zip. A zip behind other bytes is a self-extracting executable: raw.
  if (startsWith(head, [0x50, 0x4b, 0x03, 0x04]) || startsWith(head, [0x50, 0x4b, 0x05, 0x06])) return "zip";
  return isTarHeader(head) ? "tar" : "raw";
}

/** Name of a format that is recognized but not unpacked, such as `xz`. */
export async function unsupportedFormatOf(source: FileSource): Promise<string | undefined> {
  const head = await reading(source, (file) => readHead(file, tarHeaderBytes));
  return unsupportedMagics.find(([, magic]) => startsWith(head, magic))?.[0];
}
