/** Byte streams, the form of all archive content. */
import type { Hash } from "node:crypto";
import { pipeline, Readable, type Transform } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { type FileSource, openFile, piecesOf } from "../files/opened-file.ts";

export type Chunks = AsyncGenerator<Uint8Array, void, undefined>;

/** Bytes per read: large enough for a small cost per call, small enough for little memory. */
export const chunkBytes = 256 * 1024;

/** Reads a file in pieces. @throws the signal's reason, or Node's error */
export async function* readChunks(source: FileSource, signal: AbortSignal): Chunks {
  signal.throwIfAborted();
  if (typeof source !== "string") return yield* piecesOf(source, chunkBytes, signal);
  const file = await openFile(source, "follow");
  try {
    yield* piecesOf(file, chunkBytes, signal);
  } finally {
    await file.handle.close();
  }
}

/** Rechunks a stream into blocks of exactly `size` bytes; the last block may be shorter. */
export async function* inBlocks(source: AsyncIterable<Uint8Array>, size: number): Chunks {
  let waiting: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    waiting.push(chunk);
    length += chunk.length;
    if (length < size) continue;
    const bytes = Buffer.concat(waiting, length);
    const whole = length - (length % size);
    for (let start = 0; start < whole; start += size) yield bytes.subarray(start, start + size);
    waiting = [bytes.subarray(whole)];
    length -= whole;
  }
  if (length > 0) yield Buffer.concat(waiting, length);
}

/** The beginning of a stream: ends after the chunk that reaches `maxBytes`. */
export async function* beginningOf(source: AsyncIterable<Uint8Array>, maxBytes: number): Chunks {
  let size = 0;
  for await (const chunk of source) {
    yield chunk;
    size += chunk.length;
    if (size >= maxBytes) return;
  }
}

/** Passes chunks through, and reports the size of each chunk. */
export async function* counted(source: AsyncIterable<Uint8Array>, onBytes: (chunkBytes: number) => void): Chunks {
  for await (const chunk of source) {
    onBytes(chunk.length);
    yield chunk;
  }
}

/** Passes chunks through, and hashes them. */
export async function* hashed(source: AsyncIterable<Uint8Array>, hash: Hash): Chunks {
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
}

const maxBreathMs = 20;

/** Returns a function that yields to the event loop at most every 20 ms; for loops of pure computation. */
export function breathing(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < maxBreathMs) return;
    await setImmediate();
    last = performance.now();
  };
}

/** Pipes bytes through a Node transform; ending the loop early closes both. */
export async function* through(source: AsyncIterable<Uint8Array>, transform: Transform): Chunks {
  // A failed pipeline destroys `transform` with the error, which the loop then throws.
  pipeline(Readable.from(source, { objectMode: false, highWaterMark: chunkBytes }), transform, () => {});
  yield* transform;
}

/** The common part of Node's streams and the tar library's streams. */
interface Drainable {
  readonly destroyed: boolean;
  on(event: "drain" | "close", listener: () => void): unknown;
  off(event: "drain" | "close", listener: () => void): unknown;
}

/** Resolves when the stream accepts more bytes, or is closed. */
export async function drained(stream: Drainable): Promise<void> {
  if (stream.destroyed) return;
  await new Promise<void>((resolve) => {
    const settle = (): void => {
      stream.off("drain", settle);
      stream.off("close", settle);
      resolve();
    };
    stream.on("drain", settle);
    stream.on("close", settle);
  });
}
