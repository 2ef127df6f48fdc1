/**
 * A large blob over several connections: its parts are asked for at the same time and given on in their order.
 *
 * One connection seldom gets what the line holds: a server may limit it, and over a long way it is its window that does
 * (docs/faults.md has figures). What is ahead of its turn waits in memory, so that what is on the disk stays a beginning, which any
 * later process can go on from.
 */
import { setMaxListeners } from "node:events";
import {
  type BlobIdentity,
  type BlobStream,
  type ByteRange,
  type OpenedBlob,
  restOf,
  type Source,
} from "../model/source.ts";
import type { ClientDeps } from "./deps.ts";
import { Tries } from "./tries.ts";

/** What is shorter is there before a second connection would help. */
const minBytes = 32 * 1024 * 1024;
const partBytes = 8 * 1024 * 1024;
/** Parts that may wait in memory. */
const maxAhead = 3;
/** Of what waited, at once. */
const chunkBytes = 256 * 1024;
/** One connection that brings as much is left alone: what is received faster than it is hashed and written only waits. */
const fastBytesPerSecond = 100_000_000;

/** What to ask for first: a part, where there is much to come and a connection to spare; else all the rest. */
export function firstRange(blob: BlobIdentity, first: number, deps: Pick<ClientDeps, "hasFreeTransfer">): ByteRange {
  const isLong = blob.size - first > minBytes;
  return isLong && deps.hasFreeTransfer() ? partFrom(first, blob) : restOf(blob, first);
}

function partFrom(first: number, { size }: BlobIdentity): ByteRange {
  return { first, end: Math.min(first + partBytes, size) };
}

interface Part {
  readonly range: ByteRange;
  readonly bytes: BlobStream;
}

/**
 * From the first byte of what was opened to the last of the blob. Ends before that where the source gives no parts any more.
 *
 * @param opened The first part.
 * @param maxTries Of each part, as long as it does not get further.
 */
export async function* inParts(
  source: Source,
  blob: BlobIdentity,
  opened: OpenedBlob,
  maxTries: number,
  deps: ClientDeps,
  signal: AbortSignal,
): BlobStream {
  const leaving = new AbortController();
  const either = AbortSignal.any([signal, leaving.signal]);
  // Every part listens; Node warns of a leak at eleven.
  setMaxListeners(0, either);
  const fetch = (range: ByteRange, from?: OpenedBlob): Part => ({
    range,
    bytes: fetchPart(source, blob, range, from, maxTries, deps, either),
  });
  const slowAtMs = deps.context.now() + (1000 * partBytes) / fastBytesPerSecond;
  let isSlow = false;
  const ahead: { readonly range: ByteRange; readonly bytes: ReadAhead }[] = [];
  /** Used again and again: what is held for long and dropped in turn is not collected until there is much of it. */
  const buffers: Buffer[] = [];
  let asked = opened.range.end;
  const askAhead = (): void => {
    isSlow ||= deps.context.now() > slowAtMs;
    while (isSlow && asked < blob.size && ahead.length < maxAhead && deps.hasFreeTransfer()) {
      const { range, bytes } = fetch(partFrom(asked, blob));
      const buffer = buffers.pop() ?? Buffer.allocUnsafeSlow(partBytes);
      ahead.push({ range, bytes: new ReadAhead(bytes, buffer, deps.limitTransfers) });
      asked = range.end;
    }
  };
  let position = opened.range.first;
  let part = fetch(opened.range, opened);
  try {
    for (;;) {
      for await (const chunk of part.bytes) {
        position += chunk.byteLength;
        yield chunk;
        askAhead();
      }
      if (position !== part.range.end || position === blob.size) return;
      if (part.bytes instanceof ReadAhead) buffers.push(part.bytes.buffer);
      const next = ahead.shift();
      // Without one ahead, the line is fast, or others have all connections but this one.
      part = next ?? fetch(isSlow ? partFrom(asked, blob) : restOf(blob, asked));
      asked = Math.max(asked, part.range.end);
      askAhead();
    }
  } finally {
    leaving.abort();
    await Promise.all(ahead.map(({ bytes }) => bytes.ended));
  }
}

/** One part over connections that break; ends before its end where the source gives something else. */
async function* fetchPart(
  source: Source,
  blob: BlobIdentity,
  part: ByteRange,
  opened: OpenedBlob | undefined,
  maxTries: number,
  deps: ClientDeps,
  signal: AbortSignal,
): BlobStream {
  const tries = new Tries(maxTries, part.first, deps.context);
  let position = part.first;
  for (let given = opened; ; given = undefined) {
    const { range, bytes } = given ?? (await source.openBlob(blob, { first: position, end: part.end }, signal));
    if (range.first !== position || range.end !== part.end) return;
    try {
      for await (const chunk of bytes) {
        position += chunk.byteLength;
        yield chunk;
        if (position >= part.end) return;
      }
      // An early end looks like one that was meant, where no length was stated.
      if (!tries.isWorthwhile(position)) return;
    } catch (error) {
      signal.throwIfAborted();
      tries.goOnAfter(error, position);
      deps.context.log.debug(`${source.name}: ${String(error)} in the part of ${part.first} to ${part.end}`);
    }
    await tries.pause(signal);
  }
}

/** Reads a part into memory at once, in a transfer of its own, for whoever comes to it later. */
class ReadAhead implements AsyncIterable<Uint8Array> {
  /** Never fails: what happened is for whoever reads. */
  readonly ended: Promise<void>;
  readonly buffer: Buffer;
  #size = 0;
  #failure: { readonly error: unknown } | undefined;
  #isOver = false;
  #wake: () => void = () => {};

  /** @param buffer Has room for the part. */
  constructor(source: BlobStream, buffer: Buffer, limitTransfers: ClientDeps["limitTransfers"]) {
    this.buffer = buffer;
    this.ended = limitTransfers(() => this.#read(source));
  }

  async #read(source: BlobStream): Promise<void> {
    try {
      for await (const chunk of source) {
        const fitting = chunk.subarray(0, this.buffer.length - this.#size);
        this.buffer.set(fitting, this.#size);
        this.#size += fitting.length;
        this.#wake();
      }
    } catch (error) {
      this.#failure = { error };
    }
    this.#isOver = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (let given = 0; ; ) {
      if (given < this.#size) {
        const end = Math.min(this.#size, given + chunkBytes);
        // A copy, since the buffer has other bytes by the time that these are written.
        yield Buffer.from(this.buffer.subarray(given, end));
        given = end;
      } else if (this.#failure !== undefined) throw this.#failure.error;
      else if (this.#isOver) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
