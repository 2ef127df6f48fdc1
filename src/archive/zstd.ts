/** Decompression of zstd by Node (22.15 and newer) or by a JavaScript decoder, with the same limits for both. */

import type { Transform } from "node:stream";
import { breathing, type Chunks, chunkBytes, through } from "./chunks.ts";
import { Refusal } from "./refusal.ts";
import { readZstdFrames } from "./zstd-frames.ts";

/** API of newer Node versions, missing in the types of the oldest supported version. */
interface ZlibWithZstd {
  readonly createZstdDecompress?: (options: {
    readonly chunkSize: number;
    readonly params: Readonly<Record<number, number>>;
  }) => Transform;
}

/** `ZSTD_d_windowLogMax` of zstd.h, set to 2^27 bytes; `readZstdFrames` refuses larger windows. */
const windowParams = { 100: 27 };

/** Undefined in a Node without zstd. */
async function nativeDecoder(): Promise<ZlibWithZstd["createZstdDecompress"]> {
  return ((await import("node:zlib")) as ZlibWithZstd).createZstdDecompress;
}

export async function hasNativeZstd(): Promise<boolean> {
  return (await nativeDecoder()) !== undefined;
}

/** @throws {Refusal} @throws The decoder's error for damaged bytes */
export async function* decodeZstd(source: AsyncIterable<Uint8Array>): Chunks {
  yield* (await hasNativeZstd()) ? decodeZstdNatively(source) : decodeZstdPortably(source);
}

export async function* decodeZstdNatively(source: AsyncIterable<Uint8Array>): Chunks {
  const create = await nativeDecoder();
  if (create === undefined) throw new TypeError("this Node has no zstd");
  yield* through(frameBytes(source), create({ chunkSize: chunkBytes, params: windowParams }));
}

/** Merges pieces into larger chunks. No chunk crosses the end of a frame: Node would drop the rest of the chunk. */
async function* frameBytes(source: AsyncIterable<Uint8Array>): Chunks {
  let waiting: Uint8Array[] = [];
  let size = 0;
  for await (const { kind, bytes } of readZstdFrames(source)) {
    waiting.push(bytes);
    size += bytes.length;
    if (size < chunkBytes && kind !== "end") continue;
    yield Buffer.concat(waiting, size);
    waiting = [];
    size = 0;
  }
}

/** Decodes block by block; memory grows with the output, up to the frame's window. */
export async function* decodeZstdPortably(source: AsyncIterable<Uint8Array>): Chunks {
  const [{ FrameDecoder, History }, { default: loadXxhash }] = await Promise.all([
    import("./zstd-decoder.ts"),
    import("xxhash-wasm"),
  ]);
  const { create64 } = await loadXxhash();
  const history = new History();
  let windowBytes = 0;
  let decoder: InstanceType<typeof FrameDecoder> | undefined;
  let hash = create64();
  const breathe = breathing();
  for await (const piece of readZstdFrames(source)) {
    // The loop is pure computation: without a pause, deadlines and Ctrl-C would be ignored.
    await breathe();
    if (piece.kind === "start") {
      windowBytes = piece.windowBytes;
      decoder = undefined;
      hash = create64();
    } else if (piece.kind === "block") {
      if (piece.isEmpty) continue;
      decoder ??= new FrameDecoder(windowBytes, history);
      const chunk = decoder.decode(piece.bytes);
      if (chunk.length === 0) continue;
      hash.update(chunk);
      yield chunk;
    } else if (piece.bytes.length > 0) checkHash(hash.digest(), piece.bytes);
  }
}

function checkHash(digest: bigint, stated: Uint8Array): void {
  const low = Number(digest & 0xffffffffn);
  if (low !== Buffer.from(stated).readUInt32LE(0)) {
    throw new Refusal("ARCHIVE_INVALID", "has a zstd frame with a wrong checksum");
  }
}
