/** Detection of file formats by their bytes, since names and media types are often wrong. */
import { unreadableFile } from "../errors.ts";
import { type FileSource, type OpenedFile, readHead, withOpened } from "../files/opened-file.ts";
import { beginningOf, type Chunks, readChunks } from "./chunks.ts";
import { type Compression, decompressed } from "./compression.ts";

/** `gzip`, `zstd` and `xz` are single compressed files; `raw` is every other file. */
export const fileFormats = ["raw", "gzip", "zstd", "xz"] as const;
export const archiveFormats = ["tar", "tar.gz", "tar.zst", "tar.xz", "zip"] as const;
export type ArchiveFormat = (typeof fileFormats)[number] | (typeof archiveFormats)[number];

/** True for a format that unpacks into a folder; false for a single compressed file. */
export function isArchive(format: ArchiveFormat): boolean {
  return archiveFormats.some((one) => one === format);
}

/** True for a single compressed file. */
export function isCompressed(format: ArchiveFormat): format is Compression {
  return format === "gzip" || format === "zstd" || format === "xz";
}

/** Programs and packages that are zip files: Java, Python, and the bundles of both. */
const zipProgram = /\.(?:jar|war|ear|whl|pyz|pyzw|pex)$/i;

/**
 * The format under a name: a zip that is a program stays one file, `raw`.
 *
 * @param format By the bytes.
 * @param title Name of the file.
 * @param mediaType Of the layer; undefined: unknown.
 */
export function formatByName(format: ArchiveFormat, title: string, mediaType: string | undefined): ArchiveFormat {
  const isProgram = zipProgram.test(title) || mediaType === "application/java-archive";
  return format === "zip" && isProgram ? "raw" : format;
}

/** Size of a tar header, whose checksum identifies a tar. */
const tarHeaderBytes = 512;

/** Limit of the compressed bytes that must contain the first tar header. */
export const maxSniffedBytes: number = 4 * 1024 * 1024;

/** Pieces of the first bytes: a decoder passes on what it has before it meets bytes that are no part of its stream. */
const sniffedPieceBytes = 16;
const sniffedInPieces = 4096;

const zstdMagic = [0x28, 0xb5, 0x2f, 0xfd];
const xzMagic = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];

/** True if `bytes` begin with the magic number. */
export function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return bytes.length >= magic.length && magic.every((byte, index) => bytes[index] === byte);
}

/** True for a block with a valid tar checksum, in every tar variant (POSIX.1-2024, pax, "ustar Interchange Format"). */
function isTarHeader(block: Uint8Array): boolean {
  if (block.length < tarHeaderBytes || block[0] === 0) return false;
  const stated = /^ *([0-7]+)[ \0]/.exec(Buffer.from(block.subarray(148, 156)).toString("latin1"))?.[1];
  if (stated === undefined) return false;
  let sum = 8 * 0x20;
  // The block may be a whole decompressed chunk.
  const header = block.subarray(0, tarHeaderBytes);
  for (const [index, byte] of header.entries()) if (index < 148 || index >= 156) sum += byte;
  return Number.parseInt(stated, 8) === sum;
}

/** The beginning in small pieces, so that a short file gives its content before the damage behind it. */
async function* inSmallPieces(source: AsyncIterable<Uint8Array>): Chunks {
  let left = sniffedInPieces;
  for await (const chunk of source) {
    const beginning = chunk.subarray(0, left);
    for (let at = 0; at < beginning.length; at += sniffedPieceBytes)
      yield beginning.subarray(at, at + sniffedPieceBytes);
    left -= beginning.length;
    if (beginning.length < chunk.length) yield chunk.subarray(beginning.length);
  }
}

/** Reads the first decompressed bytes. @returns False after damage; `head` has the bytes before the damage. */
async function readContentHead(source: Chunks, compression: Compression, head: Uint8Array[]): Promise<boolean> {
  let size = 0;
  try {
    for await (const chunk of decompressed(source, compression)) {
      head.push(chunk.subarray(0, tarHeaderBytes));
      size += chunk.length;
      if (size >= tarHeaderBytes) break;
    }
    return true;
  } catch {
    return false;
  }
}

/** True if the content begins with a tar header. Damage is not reported here, but on unpacking. */
async function holdsTar(file: OpenedFile, compression: Compression): Promise<boolean> {
  const source = (): Chunks => beginningOf(readChunks(file, new AbortController().signal), maxSniffedBytes);
  const head: Uint8Array[] = [];
  if (await readContentHead(source(), compression, head)) return isTarHeader(Buffer.concat(head));
  // The bytes before the damage decide.
  const beginning: Uint8Array[] = [];
  await readContentHead(inSmallPieces(source()), compression, beginning);
  return isTarHeader(Buffer.concat(beginning));
}

/**
 * Detects a file's format.
 *
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

/** The first bytes of a file, as many as any format is known by. */
export async function readFormatHead(source: FileSource): Promise<Uint8Array> {
  return await reading(source, (file) => readHead(file, tarHeaderBytes));
}

async function formatOf(file: OpenedFile): Promise<ArchiveFormat> {
  const head = await readHead(file, tarHeaderBytes);
  if (startsWith(head, [0x1f, 0x8b])) return (await holdsTar(file, "gzip")) ? "tar.gz" : "gzip";
  const isSkippableFrame = startsWith(head.subarray(1), [0x2a, 0x4d, 0x18]) && ((head[0] ?? 0) & 0xf0) === 0x50;
  if (startsWith(head, zstdMagic) || isSkippableFrame) {
    return (await holdsTar(file, "zstd")) ? "tar.zst" : "zstd";
  }
  if (startsWith(head, xzMagic)) return (await holdsTar(file, "xz")) ? "tar.xz" : "xz";
  // A local header, or the end record of an empty zip. A zip after other bytes is a self-extracting executable: raw.
  if (startsWith(head, [0x50, 0x4b, 0x03, 0x04]) || startsWith(head, [0x50, 0x4b, 0x05, 0x06])) return "zip";
  return isTarHeader(head) ? "tar" : "raw";
}

/** The compression of content, by its first bytes. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  if (startsWith(head, [0x1f, 0x8b])) return "gzip";
  if (startsWith(head, zstdMagic)) return "zstd";
  return startsWith(head, xzMagic) ? "xz" : undefined;
}
