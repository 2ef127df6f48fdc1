/** Streams of bytes: everything that is read of an archive is one of these. */
import type { Hash } from "node:crypto";
import { pipeline, Readable, type Transform } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { type FileSource, openFile, piecesOf } from "../files/opened-file.ts";

export type Chunks = AsyncGenerator<Uint8Array, void, undefined>;

/** Bytes read or given at once: large enough that calls do not count, small enough that memory does not. */
export const chunkBytes = 256 * 1024;

/** Reads a file in pieces; stops with the signal's reason. */
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

/** The same bytes in pieces of exactly `size`, the last one shorter. */
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

/** The beginning of it: ends with the chunk in which `maxBytes` are reached. */
export async function* beginningOf(source: AsyncIterable<Uint8Array>, maxBytes: number): Chunks {
  let size = 0;
  for await (const chunk of source) {
    yield chunk;
    size += chunk.length;
    if (size >= maxBytes) return;
  }
}

/** Tells the size of each chunk that passes. */
export async function* counted(source: AsyncIterable<Uint8Array>, onBytes: (chunkBytes: number) => void): Chunks {
  for await (const chunk of source) {
    onBytes(chunk.length);
    yield chunk;
  }
}

/** Hashes what passes. */
export async function* hashed(source: AsyncIterable<Uint8Array>, hash: Hash): Chunks {
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
}

const maxBreathMs = 20;

/** Waits for the event loop to come round, where the last time was a while ago; for loops that compute and wait for nothing else. */
export function breathing(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < maxBreathMs) return;
    await setImmediate();
    last = performance.now();
  };
}

/** Runs bytes through a stream of Node's; leaving early closes both. */
export async function* through(source: AsyncIterable<Uint8Array>, transform: Transform): Chunks {
  // Errors come out of the loop: a broken pipeline destroys `transform` with them.
  pipeline(Readable.from(source, { objectMode: false, highWaterMark: chunkBytes }), transform, () => {});
  yield* transform;
}

/** The part of a stream that both sides of the tar library have, and Node's own streams too. */
interface Drainable {
  readonly destroyed: boolean;
  on(event: "drain" | "close", listener: () => void): unknown;
  off(event: "drain" | "close", listener: () => void): unknown;
}

/** Waits until more can be written, or until it never can. */
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
