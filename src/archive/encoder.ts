/**
 * Compressors of gzip and zstd, bundled. Node's output differs between versions and processors; the same input must give
 * the same blob everywhere.
 */
import type { WrittenCompression } from "./compression.ts";

export interface Compressor {
  readonly format: WrittenCompression;
  /** 1 to 9 for gzip (RFC 1952), 1 to 22 for zstd. */
  readonly level: number;
}

/** As the options of the command line have it: `zstd:19`, or `none`. */
export function formatCompressor(compressor: Compressor | undefined): string {
  return compressor === undefined ? "none" : `${compressor.format}:${compressor.level}`;
}

/** Compression of one stream, block by block. Block boundaries can affect the output. */
export interface Encoder {
  /** @returns The next bytes of the output, perhaps none. */
  push(block: Uint8Array): Uint8Array;
  /** @returns The last bytes of the output. */
  end(): Uint8Array;
}

export async function createEncoder({ format, level }: Compressor): Promise<Encoder> {
  return format === "gzip" ? await gzipEncoder(level) : await zstdEncoder(level);
}

async function gzipEncoder(level: number): Promise<Encoder> {
  const { Gzip } = await import("fflate");
  const written: Uint8Array[] = [];
  // 0 means no time in the header (RFC 1952, 2.3.1).
  const gzip = new Gzip({ level: level as 9, mtime: 0 }, (chunk) => written.push(chunk));
  const push = (block: Uint8Array, isLast: boolean): Uint8Array => {
    gzip.push(block, isLast);
    return Buffer.concat(written.splice(0));
  };
  return { push: (block) => push(block, false), end: () => push(new Uint8Array(), true) };
}

/** The library has one global state: a thread runs one zstd encoder at a time. */
async function zstdEncoder(level: number): Promise<Encoder> {
  const { Zstd } = await import("@hpcc-js/wasm-zstd");
  const zstd = await Zstd.load();
  zstd.reset();
  zstd.setCompressionLevel(level);
  return { push: (block) => zstd.compressChunk(block), end: () => zstd.compressEnd() };
}
