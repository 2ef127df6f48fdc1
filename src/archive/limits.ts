/** Limits of an archive's resource use; an attacker controls every number in an archive. */
import { Refusal } from "./refusal.ts";

export interface ArchiveLimits {
  /** Decompressed bytes, including tar headers. */
  readonly maxBytes: number;
  readonly maxEntries: number;
  /** Decompressed bytes per byte of the file; applies only beyond `ratioFloorBytes`. */
  readonly maxRatio: number;
  /** UTF-8 bytes of one entry's path, or of a link's target. */
  readonly maxPathBytes: number;
  /** Components of one entry's path. */
  readonly maxDepth: number;
}

/** Far above real tools (a JDK: 500 entries, 300 MB, ratio 3), but safe for every machine. */
export const defaultLimits: ArchiveLimits = {
  maxBytes: 16 * 1024 ** 3,
  maxEntries: 200_000,
  maxRatio: 250,
  maxPathBytes: 1024,
  maxDepth: 100,
};

/** Up to this many bytes the ratio is ignored: a small file of zeros is no bomb. */
const ratioFloorBytes = 64 * 1024 ** 2;

/** Counts one archive's bytes and entries against the limits. */
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
      throw new Refusal(
        "ARCHIVE_TOO_LARGE",
        `unpacks to more than ${maxRatio} times its size, like a decompression bomb`,
      );
    }
  }

  /** @throws {Refusal} `ARCHIVE_TOO_LARGE` */
  countEntry(): void {
    this.#entries += 1;
    if (this.#entries > this.limits.maxEntries) {
      throw new Refusal("ARCHIVE_TOO_LARGE", `has more than the limit of ${this.limits.maxEntries} entries`);
    }
  }

  /** Passes chunks through, and counts their bytes. */
  async *counted(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) {
      this.countBytes(chunk.byteLength);
      yield chunk;
    }
  }
}
