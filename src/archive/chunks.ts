/** Streams of bytes: everything that is read of an archive is one of these. */
import { createReadStream } from "node:fs";
import { pipeline, Readable, type Transform } from "node:stream";

export type Chunks = AsyncGenerator<Uint8Array, void, undefined>;

/** Bytes read or given at once: large enough that calls do not count, small enough that memory does not. */
export const chunkBytes = 256 * 1024;

/** Reads a file in pieces; stops with the signal's reason. */
export async function* readChunks(path: string, signal: AbortSignal): Chunks {
  signal.throwIfAborted();
  for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes })) {
    signal.throwIfAborted();
    yield chunk;
  }
}

/** Runs bytes through a stream of Node's; leaving early closes both. */
export async function* through(source: AsyncIterable<Uint8Array>, transform: Transform): Chunks {
  // Errors come out of the loop: a broken pipeline destroys `transform` with them.
  pipeline(Readable.from(source, { objectMode: false, highWaterMark: chunkBytes }), transform, () => {});
  yield* transform;
}

/** What both sides of the tar library are, and Node's own streams too. */
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
