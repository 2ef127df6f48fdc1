/** Decompression of gzip, zstd and xz streams; the libraries are loaded on first use. */
import { type Chunks, chunkBytes, through } from "./chunks.ts";
import { Refusal } from "./refusal.ts";
import { decodeXz } from "./xz.ts";
import { decodeZstd } from "./zstd.ts";

export type Compression = "gzip" | "zstd" | "xz";
/** Compressions that this package writes. */
export type WrittenCompression = Exclude<Compression, "xz">;

/**
 * Concatenated gzip members are one content (RFC 1952, 2.2). Zeros after the last member are padding, as for `gzip`,
 * and end the stream. Other trailing bytes are an error, and so is a wrong CRC-32 or length.
 */
async function* decodeGzip(source: AsyncIterable<Uint8Array>): Chunks {
  const { createGunzip } = await import("node:zlib");
  try {
    yield* through(source, createGunzip({ chunkSize: chunkBytes }));
  } catch (error) {
    // Node's message for a member without the magic number; callers have seen the magic number of the first one.
    const isBehind = error instanceof Error && error.message === "incorrect header check";
    throw isBehind ? new Refusal("ARCHIVE_INVALID", "has other bytes after its gzip data") : error;
  }
}

/** Decompresses a stream. @throws {Refusal} or the decoder's error, from the iteration */
export function decompressed(source: AsyncIterable<Uint8Array>, compression: Compression): Chunks {
  switch (compression) {
    case "gzip":
      return decodeGzip(source);
    case "zstd":
      return decodeZstd(source);
    case "xz":
      return decodeXz(source);
  }
}
