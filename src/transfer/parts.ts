/**
 * A large blob over several connections: its parts are asked for at the same time and given on in their order.
 *
 * One connection rarely fills the link: a server may limit it, and over a long way it is its window that does
 * (docs/architecture.md has figures). What is ahead of its turn waits in memory, so that what is on the disk stays a beginning, which any
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
import type { TransferDeps } from "./deps.ts";
import { partBytes } from "./part-buffers.ts";
import { Tries } from "./tries.ts";

/** A shorter blob is there before a second connection would help. */
const minBytes = 32 * 1024 * 1024;
/** Bytes that are handed on from memory at once. */
const chunkBytes = 256 * 1024;
/** One connection that brings as much is left alone: what is received faster than it is hashed and written only waits. */
const fastBytesPerSecond = 100_000_000;

/** The first range to ask for: a part, where much is to come and a connection is to spare; else all the rest. */
export function firstRange(blob: BlobIdentity, first: number, deps: Pick<TransferDeps, "hasFreeTransfer">): ByteRange {
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

interface AheadPart extends Part {
  readonly bytes: ReadAhead;
}

/**
 * From the first byte of what was opened to the last of the blob. Ends before that where the source gives something else than the part
 * that it was asked for, or too little.
 *
 * The blob's own transfer is that of the part that is read directly; while there is none, it is lent to one that is read ahead.
 *
 * @param opened The first part.
 * @param maxTries Of each part, as long as it does not get further.
 */
export async function* inParts(
  source: Source,
  blob: BlobIdentity,
  opened: OpenedBlob,
  maxTries: number,
  deps: TransferDeps,
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
  let isOwnTransferFree = false;
  const ahead: AheadPart[] = [];
  let asked = opened.range.end;

  const inOwnTransfer = async (read: () => Promise<void>): Promise<void> => {
    isOwnTransferFree = false;
    await read();
    isOwnTransferFree = true;
  };
  const askAhead = (): void => {
    isSlow ||= deps.context.now() > slowAtMs;
    while (isSlow && asked < blob.size) {
      const run = isOwnTransferFree ? inOwnTransfer : deps.hasFreeTransfer() ? deps.limitTransfers<void> : undefined;
      const buffer = run === undefined ? undefined : deps.partBuffers.take();
      if (run === undefined || buffer === undefined) return;
      const { range, bytes } = fetch(partFrom(asked, blob));
      ahead.push({ range, bytes: new ReadAhead(bytes, buffer, run) });
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
      if (part.bytes instanceof ReadAhead) deps.partBuffers.giveBack(part.bytes.buffer);
      else isOwnTransferFree = true;
      const next = ahead.shift();
      if (next === undefined) {
        // The line is fast, or others have all connections but this one, or all memory.
        part = fetch(isSlow ? partFrom(asked, blob) : restOf(blob, asked));
        asked = part.range.end;
        isOwnTransferFree = false;
      } else part = next;
      askAhead();
    }
  } finally {
    leaving.abort();
    const held = [part, ...ahead].map(({ bytes }) => bytes).filter((bytes) => bytes instanceof ReadAhead);
    for (const { ended, buffer } of held) {
      await ended;
      deps.partBuffers.giveBack(buffer);
    }
  }
}

/** One part over connections that break; ends before its end where the source gives something else. */
async function* fetchPart(
  source: Source,
  blob: BlobIdentity,
  part: ByteRange,
  opened: OpenedBlob | undefined,
  maxTries: number,
  deps: TransferDeps,
  signal: AbortSignal,
): BlobStream {
  const tries = new Tries(maxTries, part.first, deps.context);
  let position = part.first;
  for (let given = opened; ; given = undefined) {
    const { range, bytes, discard } =
      given ?? (await source.openBlob(blob, { first: position, end: part.end }, signal));
    if (range.first !== position || range.end !== part.end) return await discard();
    try {
      // To the end of the answer, so that its connection can be used again.
      for await (const chunk of bytes) {
        const wanted = chunk.subarray(0, part.end - position);
        if (wanted.byteLength === 0) return;
        position += wanted.byteLength;
        yield wanted;
      }
      if (position === part.end) return;
      // An early end looks like one that was meant, where no length was stated.
      if (!tries.isWorthwhile(position)) return;
    } catch (error) {
      signal.throwIfAborted();
      if (position === part.end) return;
      tries.goOnAfter(error, position);
      deps.context.log.debug(`${source.name}: ${String(error)} in the part of ${part.first} to ${part.end}`);
    }
    await tries.pause(signal);
  }
}

/** Reads a part into memory at once, in a transfer of its own, for whoever comes to it later. */
class ReadAhead implements AsyncIterable<Uint8Array> {
  /** Never rejects; the reader gets the error. */
  readonly ended: Promise<void>;
  readonly buffer: Buffer;
  #size = 0;
  #failure: { readonly error: unknown } | undefined;
  #isOver = false;
  #wake: () => void = () => {};

  /** @param buffer At least as long as the part. @param run Runs it as a transfer, at once. */
  constructor(source: BlobStream, buffer: Buffer, run: (read: () => Promise<void>) => Promise<void>) {
    this.buffer = buffer;
    this.ended = run(() => this.#read(source));
  }

  async #read(source: BlobStream): Promise<void> {
    try {
      for await (const chunk of source) {
        this.buffer.set(chunk, this.#size);
        this.#size += chunk.byteLength;
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
