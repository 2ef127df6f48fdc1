/**
 * Transfer of a large blob over several connections: parts are requested concurrently and yielded in order.
 *
 * One connection rarely fills the link: a server may limit each connection, and the TCP window limits a connection with
 * a high latency. docs/architecture.md has figures. Early parts wait in memory, so that the file on disk is always a
 * beginning of the blob; any later process can resume from this beginning.
 */
import type { Context } from "../context.ts";
import { markOwned, release } from "../files/released-bytes.ts";
import type { ByteRange, OpenedBlob } from "../model/source.ts";
import { anySignal } from "../parallel.ts";
import { nextRange } from "./next-range.ts";
import { type PartBuffers, partBytes } from "./part-buffers.ts";
import { type BlobAnswers, type RangeBytes, type RangeEnd, resume } from "./resume.ts";
import type { TransferSlots } from "./slots.ts";
import { Tries } from "./tries.ts";

/** Bytes of one chunk from memory. */
const chunkBytes = 256 * 1024;
/** No further connection at this speed: bytes that arrive faster than they are hashed only fill the memory. */
const fastBytesPerSecond = 100_000_000;

export interface PartsServices {
  readonly context: Context;
  readonly slots: TransferSlots;
}

type InSlot = (read: () => Promise<void>) => Promise<void>;

interface Part {
  readonly range: ByteRange;
  readonly bytes: RangeBytes | ReadAhead;
}

interface AheadPart extends Part {
  readonly bytes: ReadAhead;
}

export interface PartsRequest {
  /** The answer with the first part. */
  readonly opened: OpenedBlob;
  /** Consecutive tries without new bytes, after which a part fails. */
  readonly maxTries: number;
}

/**
 * Reads from the first byte of `opened` to the blob's end; stops at the first part whose end is not `complete`.
 *
 * The slot of the blob's own transfer serves the part that is read directly. Without such a part, the slot serves a
 * part that is read ahead.
 */
export async function* inParts(
  answers: BlobAnswers,
  { opened, maxTries }: PartsRequest,
  { context, slots }: PartsServices,
  signal: AbortSignal,
): RangeBytes {
  const { blob } = answers;
  const leaving = new AbortController();
  const either = anySignal(signal, leaving.signal);
  const read = (range: ByteRange, first?: OpenedBlob): RangeBytes =>
    resume(
      answers,
      { range, tries: new Tries(maxTries, range.first, context, answers.name), opened: first },
      context,
      either,
    );
  const slowAtMs = context.now() + (1000 * partBytes) / fastBytesPerSecond;
  let isSlow = false;
  let isOwnSlotFree = false;
  const ahead: AheadPart[] = [];
  let next = opened.range.end;

  const inOwnSlot: InSlot = async (work) => {
    isOwnSlotFree = false;
    await work();
    isOwnSlotFree = true;
  };
  const readAhead = (): void => {
    isSlow ||= context.now() > slowAtMs;
    while (isSlow) {
      const range = nextRange({ blob, next }, true);
      const inSlot = isOwnSlotFree ? inOwnSlot : slots.hasFree() ? slots.run<void> : undefined;
      if (range === undefined || inSlot === undefined) return;
      const bytes = ReadAhead.start(read(range), slots.buffers, inSlot);
      if (bytes === undefined) return;
      ahead.push({ range, bytes });
      next = range.end;
    }
  };

  let part: Part = { range: opened.range, bytes: read(opened.range, opened) };
  try {
    for (;;) {
      let step = await part.bytes.next();
      for (; step.done !== true; step = await part.bytes.next()) {
        yield step.value;
        readAhead();
      }
      if (step.value.kind === "wrongRange") await step.value.answer.discard();
      if (step.value.kind !== "complete") return { kind: "short" };
      if (part.bytes instanceof ReadAhead) await part.bytes.release();
      else isOwnSlotFree = true;
      const following = ahead.shift();
      if (following === undefined) {
        // The connection is fast, or other transfers hold all other slots or all buffers.
        const range = nextRange({ blob, next }, isSlow);
        if (range === undefined) return step.value;
        part = { range, bytes: read(range) };
        next = range.end;
        isOwnSlotFree = false;
      } else part = following;
      readAhead();
    }
  } finally {
    leaving.abort();
    for (const { bytes } of [part, ...ahead]) {
      if (bytes instanceof ReadAhead) await bytes.release();
      else await bytes.return({ kind: "short" });
    }
  }
}

/** A part that is read into memory immediately, in a slot, and yielded in its turn. */
class ReadAhead {
  /** Never rejects; the reader gets the error. */
  readonly #ended: Promise<void>;
  readonly #buffer: Buffer;
  readonly #buffers: PartBuffers;
  readonly #given: RangeBytes;
  #size = 0;
  #isReleased = false;
  #end: RangeEnd | { readonly kind: "failed"; readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  /**
   * @param inSlot Runs the reading immediately, as a transfer.
   * @returns undefined if all buffers are in use.
   */
  static start(bytes: RangeBytes, buffers: PartBuffers, inSlot: InSlot): ReadAhead | undefined {
    const buffer = buffers.take();
    return buffer === undefined ? undefined : new ReadAhead(bytes, buffer, buffers, inSlot);
  }

  private constructor(bytes: RangeBytes, buffer: Buffer, buffers: PartBuffers, inSlot: InSlot) {
    this.#buffer = buffer;
    this.#buffers = buffers;
    this.#ended = inSlot(() => this.#read(bytes));
    this.#given = this.#give();
  }

  /** Waits for the end of the reading, and returns the buffer. Idempotent. */
  async release(): Promise<void> {
    await this.#ended;
    if (!this.#isReleased) this.#buffers.giveBack(this.#buffer);
    this.#isReleased = true;
  }

  next(): Promise<IteratorResult<Uint8Array, RangeEnd>> {
    return this.#given.next();
  }

  async #read(bytes: RangeBytes): Promise<void> {
    try {
      let step = await bytes.next();
      for (; step.done !== true; step = await bytes.next()) {
        this.#buffer.set(step.value, this.#size);
        this.#size += step.value.byteLength;
        release(step.value);
        this.#wake();
      }
      this.#end = step.value;
    } catch (error) {
      this.#end = { kind: "failed", error };
    }
    this.#wake();
  }

  async *#give(): RangeBytes {
    for (let given = 0; ; ) {
      if (given < this.#size) {
        const end = Math.min(this.#size, given + chunkBytes);
        // Copied: the buffer may be reused before these bytes are written.
        const chunk = Buffer.from(this.#buffer.subarray(given, end));
        markOwned(chunk);
        yield chunk;
        given = end;
      } else if (this.#end?.kind === "failed") throw this.#end.error;
      else if (this.#end !== undefined) return this.#end;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
