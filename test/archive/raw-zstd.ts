/** Writes zstd frames of uncompressed blocks, with headers as hostile as a test wants them. */

export interface RawZstdFrame {
  readonly content: Uint8Array;
  /** Window descriptor; undefined: 128 KiB. */
  readonly windowByte?: number;
  /** Low 32 bits of the content's XXH64; undefined: no checksum. */
  readonly checksum?: number;
  readonly dictionaryId?: number;
  /** Sets the bit that no frame may have set. */
  readonly isReserved?: boolean;
}

const blockBytes = 128 * 1024;

export function rawZstd(frame: RawZstdFrame): Buffer {
  const flags =
    (frame.checksum === undefined ? 0 : 0x04) |
    (frame.dictionaryId === undefined ? 0 : 0x01) |
    (frame.isReserved === true ? 0x08 : 0);
  const head = [0x28, 0xb5, 0x2f, 0xfd, flags, frame.windowByte ?? 7 << 3];
  if (frame.dictionaryId !== undefined) head.push(frame.dictionaryId);
  const parts = [Buffer.from(head)];
  for (let offset = 0; offset === 0 || offset < frame.content.length; offset += blockBytes) {
    const block = frame.content.subarray(offset, offset + blockBytes);
    const isLast = offset + blockBytes >= frame.content.length;
    const header = Buffer.alloc(3);
    header.writeUIntLE((block.length << 3) | (isLast ? 1 : 0), 0, 3);
    parts.push(header, Buffer.from(block));
  }
  if (frame.checksum !== undefined) {
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32LE(frame.checksum, 0);
    parts.push(checksum);
  }
  return Buffer.concat(parts);
}
