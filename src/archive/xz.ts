/** Decompression of xz by a WebAssembly decoder, which is loaded on first use. */
import { breathing, type Chunks } from "./chunks.ts";
import type { Refusal } from "./refusal.ts";
import { checkXzHeader, maxHeaderBytes, tooLargeDictionary, unsupportedOption } from "./xz-header.ts";

/** Results of the decoder (xz_ret of XZ Embedded), which its messages end with. */
const refusals: Readonly<Record<string, () => Refusal>> = {
  "4": tooLargeDictionary,
  "6": unsupportedOption,
};

/** The decoder has one memory, and grants it to one stream at a time: the next stream waits here, not in the decoder. */
let turn: Promise<void> = Promise.resolve();

/**
 * Concatenated streams and zeros between them are one content, as for `xz`.
 *
 * @throws {Refusal} @throws The decoder's error for damaged bytes
 */
export async function* decodeXz(source: AsyncIterable<Uint8Array>): Chunks {
  const earlier = turn;
  let end = (): void => {};
  turn = new Promise((resolve) => {
    end = resolve;
  });
  try {
    await earlier;
    yield* decodeAlone(source);
  } finally {
    end();
  }
}

async function* decodeAlone(source: AsyncIterable<Uint8Array>): Chunks {
  const { XzReadableStream } = await import("xz-decompress");
  const breathe = breathing();
  try {
    for await (const chunk of new XzReadableStream(ReadableStream.from(checked(source)))) {
      // The loop is pure computation: without a pause, deadlines and Ctrl-C would be ignored.
      await breathe();
      if (chunk.length > 0) yield chunk;
    }
  } catch (error) {
    const code = error instanceof Error ? /error code ([0-9]+)$/.exec(error.message)?.[1] : undefined;
    throw (code === undefined ? undefined : refusals[code]?.()) ?? error;
  }
}

/** Passes the bytes through, after a check of the first headers. */
async function* checked(source: AsyncIterable<Uint8Array>): Chunks {
  let head: Uint8Array | undefined = new Uint8Array(0);
  for await (const chunk of source) {
    if (head === undefined) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < maxHeaderBytes) continue;
    checkXzHeader(head);
    yield head;
    head = undefined;
  }
  if (head === undefined) return;
  checkXzHeader(head);
  yield head;
}
