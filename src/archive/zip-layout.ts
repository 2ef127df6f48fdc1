/**
 * Checks of a zip file's layout. Programs read a zip by the directory's stated count, by its stated size, or
 * sequentially from the first byte. A file with different entries for these readers is refused (GHSA-3cv2-h65g-fgmm).
 */
import type { FileHandle } from "node:fs/promises";
import type { Entry, ZipFile } from "yauzl";
import { Refusal } from "./refusal.ts";

/** Signatures of structures (APPNOTE 4.3.7, 4.3.14). */
const localSignature = Buffer.from("PK\x03\x04", "latin1");
const zip64EndSignature = 0x06064b50;

const localHeaderBytes = 30;
const endBytes = 22;
const zip64EndBytes = 56;
const zip64LocatorBytes = 20;

/** Bytes per read while searching a gap. */
const pieceBytes = 64 * 1024;

export interface Listed {
  readonly entry: Entry;
  readonly name: string;
}

function invalid(reason: string, entry?: string): Refusal {
  const refusal = new Refusal("ARCHIVE_INVALID", reason);
  refusal.entry = entry;
  return refusal;
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  if (bytesRead < length) throw invalid("is truncated");
  return buffer;
}

/**
 * Checks that the directory ends at the end record, and has the size stated there.
 *
 * @param zip The file after its last entry was read.
 * @param start Offset of the directory.
 * @throws {Refusal} `ARCHIVE_INVALID`
 */
export async function checkDirectory(file: FileHandle, zip: ZipFile, start: number): Promise<void> {
  const end = Number(zip.readEntryCursor);
  const endRecord = zip.fileSize - endBytes - Buffer.byteLength(zip.comment);
  const stated = [(await read(file, endRecord, endBytes)).readUInt32LE(12)];
  const betweenBytes = endRecord - end;
  if (betweenBytes !== 0) {
    const zip64 = betweenBytes >= zip64EndBytes + zip64LocatorBytes ? await read(file, end, zip64EndBytes) : undefined;
    if (
      zip64?.readUInt32LE(0) !== zip64EndSignature ||
      Number(zip64.readBigUInt64LE(4)) + 12 + zip64LocatorBytes !== betweenBytes ||
      Number(zip64.readBigUInt64LE(32)) !== zip.entryCount ||
      Number(zip64.readBigUInt64LE(48)) !== start
    ) {
      throw invalid("has a directory that contradicts its end record");
    }
    if (stated[0] === 0xffffffff) stated.pop();
    stated.push(Number(zip64.readBigUInt64LE(40)));
  }
  if (stated.some((size) => size !== end - start)) throw invalid("states a wrong size of its directory");
}

/**
 * Checks that entries share no bytes. Shared bytes allow zip bombs (https://www.bamsoftware.com/hacks/zipbomb/).
 *
 * @returns For each entry, the offset of the next entry or of the directory.
 * @throws {Refusal} `ARCHIVE_INVALID`
 */
export function entryLimits(listed: readonly Listed[], directoryStart: number): ReadonlyMap<Entry, number> {
  const limits = new Map<Entry, number>();
  const byOffset = listed.toSorted((a, b) => a.entry.relativeOffsetOfLocalHeader - b.entry.relativeOffsetOfLocalHeader);
  for (const [index, { entry, name }] of byOffset.entries()) {
    const start = entry.relativeOffsetOfLocalHeader;
    const end = start + localHeaderBytes + entry.fileNameLength + entry.compressedSize;
    const limit = byOffset[index + 1]?.entry.relativeOffsetOfLocalHeader ?? directoryStart;
    if (end > limit) throw invalid("shares bytes with another part of the zip file", name);
    limits.set(entry, limit);
  }
  return limits;
}

/**
 * Checks that a gap between entries contains no hidden entry. Gaps may hold data descriptors, padding and package
 * signatures.
 *
 * @throws {Refusal} `ARCHIVE_INVALID`
 */
export async function checkGap(file: FileHandle, start: number, end: number, signal: AbortSignal): Promise<void> {
  for (let position = start; position + localHeaderBytes <= end; position += pieceBytes) {
    signal.throwIfAborted();
    // Pieces overlap: a signature may cross their boundary.
    const piece = await read(file, position, Math.min(pieceBytes + localSignature.length - 1, end - position));
    const found = piece.indexOf(localSignature);
    if (found !== -1 && position + found + localHeaderBytes <= end) {
      throw invalid("is next to a hidden entry that the zip file's directory does not list");
    }
  }
}
