/** zstd by Node where it can (22.15 and newer), else by a decoder in JavaScript; both behind the same bounds. */

import type { Transform } from "node:stream";
import { breathing, type Chunks, chunkBytes, through } from "./chunks.ts";
import { Refusal } from "./refusal.ts";
import { readZstdFrames } from "./zstd-frames.ts";

/** The part of newer versions of Node that the types of the oldest one lack. */
interface ZlibWithZstd {
  readonly createZstdDecompress?: (options: {
    readonly chunkSize: number;
    readonly params: Readonly<Record<number, number>>;
  }) => Transform;
}

/** `ZSTD_d_windowLogMax` in zstd.h, and 128 MiB as its logarithm; frames that ask for more were refused before. */
const windowParams = { 100: 27 };

/** Undefined on a Node without zstd. */
async function nativeDecoder(): Promise<ZlibWithZstd["createZstdDecompress"]> {
  return ((await import("node:zlib")) as ZlibWithZstd).createZstdDecompress;
}

export async function hasNativeZstd(): Promise<boolean> {
  return (await nativeDecoder()) !== undefined;
}

/** @throws {Refusal}, or what the decoder throws at damaged bytes */
export async function* decodeZstd(source: AsyncIterable<Uint8Array>): Chunks {
  yield* (await hasNativeZstd()) ? decodeZstdNatively(source) : decodeZstdPortably(source);
}

export async function* decodeZstdNatively(source: AsyncIterable<Uint8Array>): Chunks {
  const create = await nativeDecoder();
  if (create === undefined) throw new TypeError("this Node has no zstd");
  yield* through(frameBytes(source), create({ chunkSize: chunkBytes, params: windowParams }));
}

/** In chunks that are worth a call, none of which goes on behind the end of a frame: Node drops what does. */
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

/** Decodes block by block; memory is that of what came out, up to the frame's window. */
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
    // All of this is computed here: without it neither a deadline nor Ctrl-C would be heard.
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
    throw new Refusal("ARCHIVE_INVALID", "does not have the checksum that its zstd frame states");
  }
}
