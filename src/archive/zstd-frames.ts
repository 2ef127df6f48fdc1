/**
 * Parser of a zstd stream's frames, without decompression. Limits are checked before decoding, equally for every
 * decoder.
 *
 * @see RFC 8878, section 3
 */
import { ByteReader } from "./byte-reader.ts";
import { Refusal } from "./refusal.ts";

/** The default limit of `zstd -d`; `--ultra -22` needs the full size. */
export const maxWindowBytes = 128 * 1024 ** 2;

/** Section 3.1.1.2.4: no block is larger, compressed or not. */
const maxBlockBytes = 128 * 1024;

/**
 * Limit of frames and blocks without output. Programs write a handful, or one skippable frame per frame of megabytes.
 */
const maxEmptyPieces = 10_000;

export type ZstdPiece =
  | { readonly kind: "start"; readonly bytes: Uint8Array; readonly windowBytes: number }
  | { readonly kind: "block"; readonly bytes: Uint8Array; readonly isEmpty: boolean }
  /** `bytes` is the checksum: the low four bytes of the content's XXH64, or nothing. */
  | { readonly kind: "end"; readonly bytes: Uint8Array };

const frameMagic = 0xfd2fb528;

function isSkippable(magic: number): boolean {
  return (magic & 0xfffffff0) >>> 0 === 0x184d2a50;
}

function cutOff(): Refusal {
  return new Refusal("ARCHIVE_INVALID", "is truncated in the middle of a zstd frame");
}

async function takeAll(reader: ByteReader, count: number): Promise<Uint8Array> {
  const bytes = await reader.take(count);
  if (bytes.length < count) throw cutOff();
  return bytes;
}

function littleEndian(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes.toReversed()) value = value * 256 + byte;
  return value;
}

/** Counts pieces that cost time without output, which no byte limit would stop. */
class EmptyPieces {
  #count = 0;

  note(): void {
    this.#count += 1;
    if (this.#count <= maxEmptyPieces) return;
    throw new Refusal("ARCHIVE_TOO_LARGE", `has more than ${maxEmptyPieces} empty zstd frames and blocks`);
  }
}

/**
 * @throws {Refusal} `ARCHIVE_INVALID` for a truncated stream or trailing bytes; `ARCHIVE_UNSUPPORTED` for a frame with
 *   a dictionary, or a window over `maxWindowBytes`; `ARCHIVE_TOO_LARGE` for too many empty pieces
 */
export async function* readZstdFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<ZstdPiece, void, undefined> {
  const reader = new ByteReader(source);
  const empty = new EmptyPieces();
  try {
    for (let frames = 0; ; ) {
      const magicBytes = await reader.take(4);
      if (magicBytes.length === 0 && frames > 0) return;
      if (magicBytes.length < 4) throw cutOff();
      const magic = littleEndian(magicBytes);
      if (isSkippable(magic)) {
        empty.note();
        let left = littleEndian(await takeAll(reader, 4));
        while (left > 0) left -= (await takeAll(reader, Math.min(left, maxBlockBytes))).length;
      } else if (magic === frameMagic) {
        frames += 1;
        yield* readFrame(reader, magicBytes, empty);
      } else {
        throw new Refusal("ARCHIVE_INVALID", "has other bytes after its zstd frames");
      }
    }
  } finally {
    await reader.close();
  }
}

async function* readFrame(
  reader: ByteReader,
  magic: Uint8Array,
  empty: EmptyPieces,
): AsyncGenerator<ZstdPiece, void, undefined> {
  const descriptor = (await takeAll(reader, 1))[0] ?? 0;
  if ((descriptor & 0x08) !== 0) throw new Refusal("ARCHIVE_INVALID", "has a zstd frame of an unknown kind");
  const hasChecksum = (descriptor & 0x04) !== 0;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 0x03] ?? 0;
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const rest = await takeAll(reader, (isSingleSegment ? 0 : 1) + dictionaryIdBytes + contentSizeBytes);
  const windowBytes = windowOf(rest, isSingleSegment, contentSizeBytes);
  if (windowBytes > maxWindowBytes) {
    throw new Refusal(
      "ARCHIVE_UNSUPPORTED",
      `needs a zstd window of more than ${maxWindowBytes} bytes of memory`,
      "compress it again without `--long`, or with `--long=27` at most",
    );
  }
  if (
    dictionaryIdBytes > 0 &&
    littleEndian(rest.subarray(isSingleSegment ? 0 : 1, rest.length - contentSizeBytes)) !== 0
  ) {
    throw new Refusal("ARCHIVE_UNSUPPORTED", "needs a zstd dictionary", "compress it again without a dictionary");
  }
  yield {
    kind: "start",
    bytes: Buffer.concat([magic, [descriptor], rest].map((part) => Uint8Array.from(part))),
    windowBytes,
  };
  for (let isLast = false; !isLast; ) {
    const head = await takeAll(reader, 3);
    const word = littleEndian(head);
    isLast = (word & 1) === 1;
    const type = (word >> 1) & 3;
    const size = word >> 3;
    if (type === 3 || (type === 2 && size === 0) || size > maxBlockBytes)
      throw new Refusal("ARCHIVE_INVALID", "has a zstd block of an unknown kind");
    const isEmpty = size === 0;
    if (isEmpty) empty.note();
    const body = await takeAll(reader, type === 1 ? 1 : size);
    yield { kind: "block", bytes: Buffer.concat([head, body]), isEmpty };
  }
  yield { kind: "end", bytes: await takeAll(reader, hasChecksum ? 4 : 0) };
}

/** Bytes of memory for decoding; a single segment is kept whole. */
function windowOf(header: Uint8Array, isSingleSegment: boolean, contentSizeBytes: number): number {
  if (isSingleSegment) {
    const stated = littleEndian(header.subarray(header.length - contentSizeBytes));
    return contentSizeBytes === 2 ? stated + 256 : stated;
  }
  const byte = header[0] ?? 0;
  const base = 2 ** (10 + (byte >> 3));
  return base + (base / 8) * (byte & 7);
}
