/** Buffers for parts that are read ahead; all transfers of the process share their limit. */

/** Size of a part, and of a buffer, in bytes. */
export const partBytes: number = 8 * 1024 * 1024;
/** Limit of buffers, the buffer that is being written to disk included; 32 MiB in all. */
const maxBuffers = 4;

/** Buffers are reused: the garbage collector frees long-lived buffers late, so that new buffers would pile up. */
export class PartBuffers {
  readonly #free: Buffer[] = [];
  #made = 0;

  /** @returns undefined if all buffers are in use. */
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
