/** Limits of what an archive may ask of this machine: every number in an archive is the attacker's. */
import { Refusal } from "./refusal.ts";

export interface ArchiveLimits {
  /** Bytes that come out of decompression, tar headers included. */
  readonly maxBytes: number;
  readonly maxEntries: number;
  /** Bytes that come out for each byte of the file; counts only beyond `ratioFloorBytes`. */
  readonly maxRatio: number;
  /** UTF-8 bytes of one entry's path, or of a link's target. */
  readonly maxPathBytes: number;
  /** Folders of one entry's path. */
  readonly maxDepth: number;
}

/** Far above real tools (a JDK: 500 entries, 300 MB, ratio 3), and no machine is lost at these. */
export const defaultLimits: ArchiveLimits = {
  maxBytes: 16 * 1024 ** 3,
  maxEntries: 200_000,
  maxRatio: 250,
  maxPathBytes: 1024,
  maxDepth: 100,
};

/** A small file of zeros is no bomb, whatever its ratio: up to this many bytes come out of any archive. */
const ratioFloorBytes = 64 * 1024 ** 2;

/** Adds up what one archive has asked for. */
export class Budget {
  readonly limits: ArchiveLimits;
  readonly #archiveBytes: number;
  #bytes = 0;
  #entries = 0;

  constructor(limits: ArchiveLimits, archiveBytes: number) {
    this.limits = limits;
    this.#archiveBytes = archiveBytes;
  }

  /** @throws {Refusal} `ARCHIVE_TOO_LARGE` */
  countBytes(count: number): void {
    this.#bytes += count;
    const { maxBytes, maxRatio } = this.limits;
    if (this.#bytes > maxBytes) {
      throw new Refusal("ARCHIVE_TOO_LARGE", `unpacks to more than the limit of ${maxBytes} bytes`);
    }
    if (this.#bytes > ratioFloorBytes && this.#bytes > this.#archiveBytes * maxRatio) {
      throw new Refusal("ARCHIVE_TOO_LARGE", `unpacks to more than ${maxRatio} times its size, as only a bomb does`);
    }
  }

  /** @throws {Refusal} `ARCHIVE_TOO_LARGE` */
  countEntry(): void {
    this.#entries += 1;
    if (this.#entries > this.limits.maxEntries) {
      throw new Refusal("ARCHIVE_TOO_LARGE", `has more than the limit of ${this.limits.maxEntries} entries`);
    }
  }

  /** Passes chunks through and counts them. */
  async *counted(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) {
      this.countBytes(chunk.byteLength);
      yield chunk;
    }
  }
}
