/** Compression of streams, in this thread or in a thread of its own, with the same output. */
import { type Chunks, chunkBytes, inBlocks } from "./chunks.ts";
import type { WrittenCompression } from "./compression.ts";
import type { CompressionThreads } from "./compression-threads.ts";
import { type Compressor, createEncoder } from "./encoder.ts";

/** Levels with the smallest executables. The cost is paid once, and saved at every pull. */
export const defaultLevels: Readonly<Record<WrittenCompression, number>> = { gzip: 9, zstd: 19 };
export const maxLevels: Readonly<Record<WrittenCompression, number>> = { gzip: 9, zstd: 22 };

/**
 * Compresses a stream in blocks of a fixed size, since block boundaries can affect the output.
 *
 * @param threads Undefined: compresses in this thread.
 */
export async function* compressed(
  source: AsyncIterable<Uint8Array>,
  compressor: Compressor,
  threads?: CompressionThreads,
): Chunks {
  const blocks = inBlocks(source, chunkBytes);
  const thread = await threads?.start(compressor);
  if (thread === undefined) return yield* compressedHere(blocks, compressor);
  try {
    // One block ahead: the thread compresses it while the caller hashes and writes.
    let ahead: Promise<Uint8Array> | undefined;
    for await (const block of blocks) {
      const answer = thread.push(block);
      if (ahead !== undefined) yield* nonEmpty(await ahead);
      ahead = answer;
    }
    if (ahead !== undefined) yield* nonEmpty(await ahead);
    yield* nonEmpty(await thread.end());
  } finally {
    await thread.stop();
  }
}

function* nonEmpty(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
  if (chunk.length > 0) yield chunk;
}

/** Serializes encoders, since a thread runs one zstd encoder at a time. */
let lastUser: Promise<void> = Promise.resolve();

async function* compressedHere(blocks: Chunks, compressor: Compressor): Chunks {
  const before = lastUser;
  let leave = (): void => {};
  lastUser = new Promise((resolve) => {
    leave = resolve;
  });
  await before;
  try {
    const encoder = await createEncoder(compressor);
    for await (const block of blocks) yield* nonEmpty(encoder.push(block));
    yield* nonEmpty(encoder.end());
  } finally {
    leave();
  }
}
