/**
 * Members of a zip file, as stated by its central directory. Each local header must agree, since other programs use the
 * local headers.
 */
import { isUtf8 } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import type { Entry, ZipFile } from "yauzl";
import type { OpenedFile } from "../files/opened-file.ts";
import { type Chunks, chunkBytes, through } from "./chunks.ts";
import type { Budget } from "./limits.ts";
import { type ArchiveMember, noContent } from "./member.ts";
import { Refusal } from "./refusal.ts";
import { checkDirectory, checkGap, entryLimits, type Listed } from "./zip-layout.ts";

/** Upper byte of "version made by" (APPNOTE 4.4.2): the upper half of the attributes is a Unix mode. */
const unixHosts = new Set([3, 19]);

/** Upper byte of "version made by" for FAT and NTFS (APPNOTE 4.4.2). */
const windowsHosts = new Set([0, 10]);

/** Bits of the general purpose flag (APPNOTE 4.4.4). */
const flags = { encrypted: 0x1, sizesFollow: 0x8, utf8: 0x800 };

/** Extra field with the name in UTF-8 (APPNOTE 4.6.9). */
const unicodePathField = 0x7075;

const directoryEntryBytes = 46;

/** Limit of the directory, which is kept in memory: 200,000 entries with names, times and owners take 36 MB. */
const maxDirectoryBytes = 128 * 1024 ** 2;

/** `S_IFMT` and its values. */
const fileType = { mask: 0o170000, regular: 0o100000, directory: 0o040000, symlink: 0o120000 };

/** The context for reading one entry. */
interface Opened {
  readonly file: FileHandle;
  readonly zip: ZipFile;
  readonly entry: Entry;
  /** Offset of the next entry or the directory. */
  readonly limit: number;
  readonly budget: Budget;
  readonly signal: AbortSignal;
}

/** @throws {Refusal} @throws The library's error for damaged structures */
export async function* readZip(
  { handle: file }: OpenedFile,
  budget: Budget,
  signal: AbortSignal,
): AsyncGenerator<ArchiveMember, void, undefined> {
  const yauzl = await import("yauzl");
  const zip = await yauzl.fromFdPromise(file.fd, { autoClose: false, decodeStrings: false });
  const listed: Listed[] = [];
  const directoryStart = Number(zip.readEntryCursor);
  let directoryBytes = 0;
  for await (const entry of zip.eachEntry()) {
    signal.throwIfAborted();
    budget.countEntry();
    directoryBytes += directoryEntryBytes + entry.fileNameLength + entry.extraFieldLength + entry.fileCommentLength;
    if (directoryBytes > maxDirectoryBytes) {
      throw new Refusal("ARCHIVE_TOO_LARGE", `has a directory of more than the limit of ${maxDirectoryBytes} bytes`);
    }
    const flagBits = namesAreUtf8(entry) ? flags.utf8 : 0;
    const name = yauzl.getFileNameLowLevel(flagBits, entry.fileNameRaw, entry.extraFields, true);
    listed.push({ entry, name });
  }
  await checkDirectory(file, zip, directoryStart);
  const limits = entryLimits(listed, directoryStart);
  const firstOffset = listed.reduce(
    (first, { entry }) => Math.min(first, entry.relativeOffsetOfLocalHeader),
    directoryStart,
  );
  await checkGap(file, 0, firstOffset, signal);
  const hasSlash = listed.some(({ name }) => name.includes("/"));
  for (const { entry, name: stated } of listed) {
    const name = hasSlash ? stated : withSlashes(entry, stated);
    try {
      const limit = limits.get(entry) ?? directoryStart;
      yield await memberOf({ file, zip, entry, limit, budget, signal }, name);
    } catch (error) {
      if (error instanceof Refusal) error.entry ??= name;
      throw error;
    }
  }
}

/** True for a stated UTF-8 flag, and for valid UTF-8 from a Unix program without the flag. Else code page 437. */
function namesAreUtf8(entry: Entry): boolean {
  if ((entry.generalPurposeBitFlag & flags.utf8) !== 0) return true;
  const isStated = entry.extraFields.some((field) => field.id === unicodePathField);
  return !isStated && unixHosts.has(entry.versionMadeBy >> 8) && isUtf8(entry.fileNameRaw);
}

/**
 * The name with slashes. Old .NET, and PowerShell 5 with it, separates folders by backslashes; Windows and Info-ZIP read
 * these names so. Only for an archive without any slash: with both, programs disagree. A name with a drive stays as it is,
 * and is refused: Windows reads it as an absolute path.
 */
function withSlashes(entry: Entry, name: string): string {
  if (/^[A-Za-z]:/.test(name)) return name;
  return windowsHosts.has(entry.versionMadeBy >> 8) ? name.replaceAll("\\", "/") : name;
}

async function memberOf(opened: Opened, name: string): Promise<ArchiveMember> {
  const { file, zip, entry, limit, signal } = opened;
  const isUnix = unixHosts.has(entry.versionMadeBy >> 8);
  const unixMode = isUnix ? entry.externalFileAttributes >>> 16 : 0;
  const kind = kindOf(unixMode & fileType.mask, name);
  if (entry.isEncrypted()) throw new Refusal("ARCHIVE_UNSUPPORTED", "is encrypted", "pack it again without a password");
  if (!entry.canDecodeFileData()) {
    throw new Refusal(
      "ARCHIVE_UNSUPPORTED",
      `is compressed by method ${entry.compressionMethod}`,
      "pack it again with deflate, the method that every zip program has",
    );
  }
  const start = await checkLocalHeader(zip, entry);
  await checkGap(file, start + entry.compressedSize, limit, signal);
  const content = kind === "directory" ? noContent() : contentOf(opened, start);
  const target = kind === "symlink" ? await readTarget(content, opened) : "";
  const size = kind === "symlink" ? 0 : entry.uncompressedSize;
  return { name, kind, mode: unixMode & 0o7777, target, size, content: kind === "file" ? content : noContent() };
}

function kindOf(unixType: number, name: string): ArchiveMember["kind"] {
  if (unixType === fileType.symlink) return "symlink";
  if (unixType !== 0 && unixType !== fileType.regular && unixType !== fileType.directory) {
    throw new Refusal("ARCHIVE_UNSAFE", "is a device, a pipe or a socket");
  }
  return name.endsWith("/") || unixType === fileType.directory ? "directory" : "file";
}

/** @returns Offset of the entry's content. @throws {Refusal} `ARCHIVE_INVALID` */
async function checkLocalHeader(zip: ZipFile, entry: Entry): Promise<number> {
  const local = await zip.readLocalFileHeaderPromise(entry);
  const agrees =
    local.fileName.equals(entry.fileNameRaw) &&
    local.compressionMethod === entry.compressionMethod &&
    (local.generalPurposeBitFlag & flags.encrypted) === 0;
  // Streamed zips state the sizes after the data; zip64 uses an extra field.
  const hasSizes = (local.generalPurposeBitFlag & flags.sizesFollow) === 0 && local.compressedSize !== 0xffffffff;
  const sizesAgree =
    local.crc32 === entry.crc32 &&
    local.compressedSize === entry.compressedSize &&
    (local.uncompressedSize === 0xffffffff || local.uncompressedSize === entry.uncompressedSize);
  if (agrees && (!hasSizes || sizesAgree)) return local.fileDataStart;
  throw new Refusal("ARCHIVE_INVALID", "has a local header that contradicts the zip file's directory");
}

async function* contentOf({ file, entry, budget, signal }: Opened, start: number): Chunks {
  const { crc32, createInflateRaw } = await import("node:zlib");
  const raw = readRange(file, start, start + entry.compressedSize);
  const isDeflated = entry.compressionMethod === 8;
  const chunks = isDeflated ? through(raw, createInflateRaw({ chunkSize: chunkBytes })) : raw;
  let length = 0;
  let checksum = 0;
  for await (const chunk of budget.counted(chunks)) {
    signal.throwIfAborted();
    length += chunk.length;
    if (length > entry.uncompressedSize) break;
    checksum = crc32(chunk, checksum);
    yield chunk;
  }
  if (length !== entry.uncompressedSize) throw new Refusal("ARCHIVE_INVALID", "states a wrong size");
  if (checksum !== entry.crc32) throw new Refusal("ARCHIVE_INVALID", "states a wrong CRC-32");
}

/** Replaces the library's reader, which takes twice the time: 64 KiB pieces through several streams. */
async function* readRange(file: FileHandle, start: number, end: number): Chunks {
  for (let position = start; position < end; ) {
    const length = Math.min(chunkBytes, end - position);
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
    if (bytesRead === 0) throw new Refusal("ARCHIVE_INVALID", "is truncated");
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** A symbolic link's target is its content. */
async function readTarget(content: Chunks, { entry, budget }: Opened): Promise<string> {
  if (entry.uncompressedSize > budget.limits.maxPathBytes) {
    throw new Refusal("ARCHIVE_TOO_LARGE", `is a link with a target over ${budget.limits.maxPathBytes} bytes`);
  }
  const parts: Uint8Array[] = [];
  for await (const chunk of content) parts.push(chunk);
  return Buffer.concat(parts).toString("utf8");
}
