/** zstd by Node where it can (22.15 and newer), else by a decoder in JavaScript; both behind the same bounds. */

import type { Transform } from "node:stream";
import { type Chunks, chunkBytes, through } from "./chunks.ts";
import { Refusal } from "./refusal.ts";
import { readZstdFrames } from "./zstd-frames.ts";

/** What newer versions of Node have and the types of the oldest one lack. */
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

/** Decodes block by block; memory is that of the frame's window. */
export async function* decodeZstdPortably(source: AsyncIterable<Uint8Array>): Chunks {
  const [{ Decompress }, { default: loadXxhash }] = await Promise.all([import("fzstd"), import("xxhash-wasm")]);
  const { create64 } = await loadXxhash();
  let decoded: Uint8Array[] = [];
  let decoder = new Decompress();
  let hash = create64();
  let held: Uint8Array | undefined;
  for await (const piece of readZstdFrames(source)) {
    if (piece.kind === "start") {
      decoder = new Decompress((chunk) => decoded.push(chunk));
      hash = create64();
      held = piece.bytes;
      continue;
    }
    // One piece behind: the decoder takes no frame shorter than 18 bytes unless it is told that it is the last it gets.
    const isEnd = piece.kind === "end";
    decoder.push(isEnd && held !== undefined ? Buffer.concat([held, piece.bytes]) : (held ?? piece.bytes), isEnd);
    held = isEnd ? undefined : piece.bytes;
    for (const chunk of decoded) {
      hash.update(chunk);
      yield chunk;
    }
    decoded = [];
    if (isEnd && piece.bytes.length > 0) checkHash(hash.digest(), piece.bytes);
  }
}

function checkHash(digest: bigint, stated: Uint8Array): void {
  const low = Number(digest & 0xffffffffn);
  if (low !== Buffer.from(stated).readUInt32LE(0)) {
    throw new Refusal("ARCHIVE_INVALID", "does not have the checksum that its zstd frame states");
  }
}
