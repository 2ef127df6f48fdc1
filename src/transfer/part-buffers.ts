/** Memory for parts of blobs that wait for their turn: so much for all blobs of a command together. */

/** Bytes of one. */
export const partBytes: number = 8 * 1024 * 1024;
/** With the one that is being given on; 32 MiB in all. */
const maxBuffers = 4;

/** Buffers are used again and again: what is held for long and dropped in turn is not collected until there is much of it. */
export class PartBuffers {
  readonly #free: Buffer[] = [];
  #made = 0;

  /** Undefined when all are in use. */
  take(): Buffer | undefined {
    const buffer = this.#free.pop();
    if (buffer !== undefined || this.#made === maxBuffers) return buffer;
    this.#made += 1;
    return Buffer.allocUnsafeSlow(partBytes);
  }

  giveBack(buffer: Buffer): void {
    this.#free.push(buffer);
  }
}
