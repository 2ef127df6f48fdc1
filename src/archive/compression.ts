/** Decompression of gzip, zstd and xz streams; the libraries are loaded on first use. */
import { type Chunks, chunkBytes, through } from "./chunks.ts";
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
  yield* through(source, createGunzip({ chunkSize: chunkBytes }));
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
