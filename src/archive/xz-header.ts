/**
 * First headers of an xz file, to name a check or filter that the decoder lacks. The decoder itself refuses these in
 * later blocks and streams.
 *
 * @see The .xz file format 1.2.1, sections 2.1.1 and 3.1
 */
import { Refusal } from "./refusal.ts";

const streamHeaderBytes = 12;
/** Stream header and the largest block header. */
export const maxHeaderBytes: number = streamHeaderBytes + 1024;

/** Limit of the decoder; `xz -9` needs the full size. */
const maxDictionaryBytes = 64 * 1024 ** 2;

/** Checks of the blocks that the decoder verifies, or passes over: none, CRC-32, CRC-64. */
const checks: ReadonlySet<number> = new Set([0, 1, 4]);
const checkNames: Readonly<Record<number, string>> = { 10: "SHA-256" };

const lzma2 = 0x21;
const filterNames: Readonly<Record<number, string>> = {
  3: "delta",
  4: "x86",
  5: "PowerPC",
  6: "IA-64",
  7: "ARM",
  8: "ARM-Thumb",
  9: "SPARC",
  10: "ARM64",
  11: "RISC-V",
};

const hint = "compress it again with `xz --check=crc64`, without a filter and with `-9` at most";

export function unsupportedOption(what = "an unsupported filter or check"): Refusal {
  return new Refusal("ARCHIVE_UNSUPPORTED", `is compressed by xz with ${what}`, hint);
}

export function tooLargeDictionary(): Refusal {
  return new Refusal(
    "ARCHIVE_UNSUPPORTED",
    `needs an xz dictionary of more than ${maxDictionaryBytes} bytes of memory`,
    hint,
  );
}

/** Reads a number of at most nine groups of seven bits (section 1.2). @returns Undefined for a number that is cut off */
function readNumber(bytes: Uint8Array, start: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let index = 0; index < 9; index += 1) {
    const byte = bytes[start + index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if ((byte & 0x80) === 0) return { value, end: start + index + 1 };
  }
  return undefined;
}

/** Bytes of the dictionary (section 5.3.1). */
function dictionaryBytes(property: number): number {
  return property >= 40 ? 2 ** 32 : (2 | (property & 1)) * 2 ** (Math.floor(property / 2) + 11);
}

/**
 * @param head First bytes of the file. Damage is the decoder's to find: this function ignores it.
 * @throws {Refusal} `ARCHIVE_UNSUPPORTED`
 */
export function checkXzHeader(head: Uint8Array): void {
  const check = head[7];
  if (check !== undefined && !checks.has(check & 0x0f)) {
    throw unsupportedOption(`the check ${checkNames[check & 0x0f] ?? check & 0x0f}`);
  }
  const sizeByte = head[streamHeaderBytes];
  // 0 begins the index of a stream without blocks.
  if (sizeByte === undefined || sizeByte === 0) return;
  const block = head.subarray(streamHeaderBytes, streamHeaderBytes + (sizeByte + 1) * 4);
  const flags = block[1] ?? 0;
  let at = 2;
  // Compressed and uncompressed size, if stated.
  for (const flag of [0x40, 0x80]) if ((flags & flag) !== 0) at = readNumber(block, at)?.end ?? block.length;
  for (let count = 0; count <= (flags & 0x03); count += 1) {
    const id = readNumber(block, at);
    const size = id && readNumber(block, id.end);
    if (id === undefined || size === undefined) return;
    if (id.value !== lzma2) throw unsupportedOption(`the filter ${filterNames[id.value] ?? id.value}`);
    if (dictionaryBytes(block[size.end] ?? 0) > maxDictionaryBytes) throw tooLargeDictionary();
    at = size.end + size.value;
  }
}
