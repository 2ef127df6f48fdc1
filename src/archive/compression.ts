/** gzip and zstd as streams; the libraries are loaded when the first archive needs them. */
import { type Chunks, chunkBytes, through } from "./chunks.ts";
import { decodeZstd } from "./zstd.ts";

export type Compression = "gzip" | "zstd";

/**
 * Members of gzip that follow each other are one content (RFC 1952, 2.2). Zeros behind the last are padding, as tapes and
 * `gzip` have it, and end the stream; anything else behind it is an error, as are a wrong CRC-32 or length.
 */
async function* decodeGzip(source: AsyncIterable<Uint8Array>): Chunks {
  const { createGunzip } = await import("node:zlib");
  yield* through(source, createGunzip({ chunkSize: chunkBytes }));
}

/** Decompresses a stream; throws what the decoder throws. */
export function decompressed(source: AsyncIterable<Uint8Array>, compression: Compression): Chunks {
  return compression === "gzip" ? decodeGzip(source) : decodeZstd(source);
}
