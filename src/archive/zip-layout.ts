/**
 * The layout of a zip file. Some programs read its directory by the stated count, some by the stated size, others read the
 * entries from the first byte on: a file in which they find different entries is refused (GHSA-3cv2-h65g-fgmm).
 */
import type { FileHandle } from "node:fs/promises";
import type { Entry, ZipFile } from "yauzl";
import { Refusal } from "./refusal.ts";

/** First bytes of structures (APPNOTE 4.3.7, 4.3.14). */
const localSignature = Buffer.from("PK\x03\x04", "latin1");
const zip64EndSignature = 0x06064b50;

const localHeaderBytes = 30;
const endBytes = 22;
const zip64EndBytes = 56;
const zip64LocatorBytes = 20;

/** Bytes that are looked through at a time. */
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
  if (bytesRead < length) throw invalid("is cut off");
  return buffer;
}

/**
 * The directory ends where the end record begins, and has the size that this states.
 *
 * @param zip After its last entry was read.
 * @param start Where its directory begins.
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
      throw invalid("has other entries in its directory than its end record counts");
    }
    if (stated[0] === 0xffffffff) stated.pop();
    stated.push(Number(zip64.readBigUInt64LE(40)));
  }
  if (stated.some((size) => size !== end - start)) throw invalid("states another size of its directory than it has");
}

/**
 * Entries share no bytes: it would let a small file unpack to anything (https://www.bamsoftware.com/hacks/zipbomb/).
 *
 * @returns For each entry where the next one, or the directory, begins.
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
 * Bytes that no entry accounts for hold no entry. Descriptors of sizes, padding and signatures of packages may lie there.
 *
 * @throws {Refusal} `ARCHIVE_INVALID`
 */
export async function checkGap(file: FileHandle, start: number, end: number, signal: AbortSignal): Promise<void> {
  for (let position = start; position + localHeaderBytes <= end; position += pieceBytes) {
    signal.throwIfAborted();
    // Each piece reaches into the next one: an entry may begin where they meet.
    const piece = await read(file, position, Math.min(pieceBytes + localSignature.length - 1, end - position));
    const found = piece.indexOf(localSignature);
    if (found !== -1 && position + found + localHeaderBytes <= end) {
      throw invalid("has an entry in front of it or behind it that is not in the zip file's directory");
    }
  }
}
