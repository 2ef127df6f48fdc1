/** Detection of file formats by their bytes, since names and media types are often wrong. */
import { unreadableFile } from "../errors.ts";
import { type FileSource, type OpenedFile, readHead, withOpened } from "../files/opened-file.ts";
import { beginningOf, readChunks } from "./chunks.ts";
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

const zstdMagic = [0x28, 0xb5, 0x2f, 0xfd];
const xzMagic = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];

/** Formats of archives and compressed files that cannot be unpacked, by their first bytes. */
const unsupportedMagics: readonly (readonly [name: string, magic: readonly number[]])[] = [
  // `BZh`, a digit, and the mark of a block or of the end; the digit is 0 here, and is not compared.
  ["bzip2", [0x42, 0x5a, 0x68, 0, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59]],
  ["bzip2", [0x42, 0x5a, 0x68, 0, 0x17, 0x72, 0x45, 0x38, 0x50, 0x90]],
  ["7z", [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ["lzip", [0x4c, 0x5a, 0x49, 0x50, 0x01]],
  ["rar", [0x52, 0x61, 0x72, 0x21, 0x1a, 0x07]],
  // A file of the old format has no magic number: these are the usual properties and the usual sizes of its dictionary.
  ["lzma", [0x5d, 0x00, 0x00, 0x80, 0x00]],
  ["lzma", [0x5d, 0x00, 0x00, 0x00, 0x04]],
];

function hasMagic(bytes: Uint8Array, magic: readonly number[]): boolean {
  const anyDigit = magic[0] === 0x42 ? 3 : -1;
  return bytes.length >= magic.length && magic.every((byte, index) => index === anyDigit || bytes[index] === byte);
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return bytes.length >= magic.length && magic.every((byte, index) => bytes[index] === byte);
}

/** True for a block with a valid tar checksum, in every tar variant (POSIX.1-2024, pax, "ustar Interchange Format"). */
function isTarHeader(block: Uint8Array): boolean {
  if (block.length < tarHeaderBytes || block[0] === 0) return false;
  const stated = /^ *([0-7]+)[ \0]/.exec(Buffer.from(block.subarray(148, 156)).toString("latin1"))?.[1];
  if (stated === undefined) return false;
  let sum = 8 * 0x20;
  for (const [index, byte] of block.entries()) if (index < tarHeaderBytes && (index < 148 || index >= 156)) sum += byte;
  return Number.parseInt(stated, 8) === sum;
}

/** True if the content begins with a tar header. Damage is not reported here, but on unpacking. */
async function holdsTar(file: OpenedFile, compression: Compression): Promise<boolean> {
  let head = Buffer.alloc(0);
  try {
    const source = beginningOf(readChunks(file, new AbortController().signal), maxSniffedBytes);
    for await (const chunk of decompressed(source, compression)) {
      head = Buffer.concat([head, chunk]);
      if (head.length >= tarHeaderBytes) break;
    }
  } catch {
    // The bytes before the damage decide.
  }
  return isTarHeader(head);
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

/** Magic numbers of packages for the installers of systems, for messages. */
const packageMagics: readonly (readonly [name: string, magic: Uint8Array])[] = [
  ["an ar archive, such as a Debian package", Buffer.from("!<arch>\n")],
  ["an RPM package", Buffer.from([0xed, 0xab, 0xee, 0xdb])],
  ["a macOS installer package (xar)", Buffer.from("xar!")],
  ["a cabinet file", Buffer.from("MSCF")],
  ["an MSI package", Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1])],
];

/** Name of a package for a system's installer, with its article; undefined for other files. */
export async function systemPackageOf(source: FileSource): Promise<string | undefined> {
  const head = await reading(source, (file) => readHead(file, tarHeaderBytes));
  return packageMagics.find(([, magic]) => startsWith(head, [...magic]))?.[0];
}

/** The compression of content, by its first bytes. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  if (startsWith(head, [0x1f, 0x8b])) return "gzip";
  if (startsWith(head, zstdMagic)) return "zstd";
  return startsWith(head, xzMagic) ? "xz" : undefined;
}

/** Name of the format of a compressed file's content, if the content is an archive or compressed again. */
export function formatInside(head: Uint8Array): string | undefined {
  if (startsWith(head, [0x50, 0x4b, 0x03, 0x04])) return "zip";
  return compressionOf(head) ?? unsupportedMagics.find(([, magic]) => hasMagic(head, magic))?.[0];
}

/** Name of a recognized but unsupported format, such as `bzip2`. */
export async function unsupportedFormatOf(source: FileSource): Promise<string | undefined> {
  const head = await reading(source, (file) => readHead(file, tarHeaderBytes));
  return unsupportedMagics.find(([, magic]) => hasMagic(head, magic))?.[0];
}
