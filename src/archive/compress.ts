/**
 * Compression by gzip and zstd with bundled compressors. Node's output differs between versions and processors; the
 * same input must give the same blob everywhere.
 */
import { type Chunks, chunkBytes, inBlocks } from "./chunks.ts";
import type { Compression } from "./compression.ts";

export interface Compressor {
  readonly format: Compression;
  /** 1 to 9 for gzip (RFC 1952), 1 to 22 for zstd. */
  readonly level: number;
}

/** Levels with the smallest executables. The cost is paid once, and saved at every pull. */
export const defaultLevels: Readonly<Record<Compression, number>> = { gzip: 9, zstd: 19 };
export const maxLevels: Readonly<Record<Compression, number>> = { gzip: 9, zstd: 22 };

/** Compresses a stream in blocks of a fixed size, since block boundaries can affect the output. */
export async function* compressed(source: AsyncIterable<Uint8Array>, { format, level }: Compressor): Chunks {
  const blocks = inBlocks(source, chunkBytes);
  yield* format === "gzip" ? encodeGzip(blocks, level) : encodeZstd(blocks, level);
}

async function* encodeGzip(blocks: Chunks, level: number): Chunks {
  const { Gzip } = await import("fflate");
  const written: Uint8Array[] = [];
  // 0 means no time in the header (RFC 1952, 2.3.1).
  const gzip = new Gzip({ level: level as 9, mtime: 0 }, (chunk) => written.push(chunk));
  for await (const block of blocks) {
    gzip.push(block);
    yield* written.splice(0);
  }
  gzip.push(new Uint8Array(), true);
  yield* written.splice(0);
}

/** Serializes uses of the library, which has one global state. */
let lastUser: Promise<void> = Promise.resolve();

async function* encodeZstd(blocks: Chunks, level: number): Chunks {
  const { Zstd } = await import("@hpcc-js/wasm-zstd");
  const zstd = await Zstd.load();
  const before = lastUser;
  let leave = (): void => {};
  lastUser = new Promise((resolve) => {
    leave = resolve;
  });
  await before;
  try {
    zstd.reset();
    zstd.setCompressionLevel(level);
    for await (const block of blocks) {
      const chunk = zstd.compressChunk(block);
      if (chunk.length > 0) yield chunk;
    }
    yield zstd.compressEnd();
  } finally {
    leave();
  }
}
