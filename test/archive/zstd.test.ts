import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { compressed } from "../../src/archive/compress.ts";
import { decodeZstdNatively, decodeZstdPortably, hasNativeZstd } from "../../src/archive/zstd.ts";
import { requireProgram } from "../support/peers.ts";
import { collect, inPieces } from "./folders.ts";
import { rawZstd } from "./raw-zstd.ts";

const random = randomBytes(300_000);
const text = Buffer.from("a line of text that repeats\n".repeat(40_000));
const skippable = Buffer.from("5a2a4d1803000000010203", "hex");
const mebibyte = 1024 ** 2;

/** Window descriptor for 2^log bytes (RFC 8878, 3.1.1.1.2). */
const window = (log: number): number => (log - 10) << 3;

function repeated(bytes: Buffer, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => bytes));
}

describe.each([
  { decoder: "portable", decode: decodeZstdPortably, isThere: true },
  { decoder: "native", decode: decodeZstdNatively, isThere: await hasNativeZstd() },
])("zstd, $decoder decoder", ({ decode, isThere }) => {
  const read = (bytes: Uint8Array, pieceBytes = 65_536) => collect(decode(inPieces(bytes, pieceBytes)));

  beforeEach((context) => {
    if (!isThere) context.skip("this Node has no zstd: 22.15 and newer have it");
  });

  test("decode: frames behind each other are one content, whatever the pieces", async () => {
    const frames = [
      rawZstd({ content: random }),
      skippable,
      rawZstd({ content: Buffer.alloc(0) }),
      rawZstd({ content: text }),
      skippable,
    ];
    for (const pieceBytes of [7, 1000, 10 * mebibyte]) {
      expect((await read(Buffer.concat(frames), pieceBytes)).equals(Buffer.concat([random, text]))).toBe(true);
    }
  });

  test("decode: a checksum that is right passes, one that is wrong is refused", async () => {
    // XXH64 of no bytes, with seed 0, is ef46db3751d8e999 in the reference implementation.
    expect(await read(rawZstd({ content: Buffer.alloc(0), checksum: 0x51d8e999 }))).toHaveLength(0);
    await expect(read(rawZstd({ content: Buffer.alloc(0), checksum: 0x51d8e998 }))).rejects.toThrow(/checksum/);
    await expect(read(rawZstd({ content: text, checksum: 1 }))).rejects.toThrow(/checksum/);
  });

  test("decode: a window of 128 MiB is taken, a larger one is refused before a byte is decoded", async () => {
    expect(await read(rawZstd({ content: text, windowByte: window(27) }))).toHaveLength(text.length);
    for (const windowByte of [window(27) | 1, window(28), window(31), 0xff]) {
      await expect(read(rawZstd({ content: text, windowByte }))).rejects.toMatchObject({
        code: "ARCHIVE_UNSUPPORTED",
        message: expect.stringMatching(/window/),
      });
    }
  });

  test("decode: a single segment that states gigabytes is refused like such a window", async () => {
    const header = Buffer.from("28b52ffde0000000000100000001000000", "hex");
    await expect(read(header)).rejects.toMatchObject({ code: "ARCHIVE_UNSUPPORTED" });
  });

  test("decode: a frame that needs a dictionary is refused, one that names none is not", async () => {
    expect(await read(rawZstd({ content: text, dictionaryId: 0 }))).toHaveLength(text.length);
    await expect(read(rawZstd({ content: text, dictionaryId: 7 }))).rejects.toMatchObject({
      code: "ARCHIVE_UNSUPPORTED",
      message: expect.stringMatching(/dictionary/),
    });
  });

  test("decode: a stream that is cut off anywhere is refused", async () => {
    const frame = Buffer.concat([skippable, rawZstd({ content: random.subarray(0, 200), checksum: 1 })]);
    for (let length = 0; length < frame.length; length += 1) {
      await expect(read(frame.subarray(0, length)), `${length} bytes`).rejects.toMatchObject({
        code: "ARCHIVE_INVALID",
      });
    }
  });

  test("decode: something else behind the frames, a reserved bit and a reserved block are refused", async () => {
    const frame = rawZstd({ content: text });
    await expect(read(Buffer.concat([frame, Buffer.alloc(8)]))).rejects.toMatchObject({ code: "ARCHIVE_INVALID" });
    await expect(read(Buffer.concat([frame, Buffer.from("garbage")]))).rejects.toMatchObject({
      code: "ARCHIVE_INVALID",
    });
    await expect(read(rawZstd({ content: text, isReserved: true }))).rejects.toMatchObject({ code: "ARCHIVE_INVALID" });
    const reserved = rawZstd({ content: Buffer.alloc(0) });
    reserved.writeUInt8(0x07, 6);
    await expect(read(reserved)).rejects.toMatchObject({ code: "ARCHIVE_INVALID" });
  });

  test.for(["-1", "-19", "--ultra -22", "--no-check", "--long=27", "--fast=5"])(
    "decode: what the program zstd %s wrote",
    async (options, context) => {
      const zstd = requireProgram(context, "zstd");
      const mixed = Buffer.concat([text, random, text]);
      const run = (input: Buffer) =>
        execFileSync(zstd, ["-q", "-c", ...options.split(" ")], { input, maxBuffer: 64 * mebibyte });
      const bytes = Buffer.concat([run(mixed), run(Buffer.alloc(0)), run(text)]);
      expect((await read(bytes)).equals(Buffer.concat([mixed, text]))).toBe(true);
    },
  );

  test("decode: what points back further than one window is long, and over several", async () => {
    const piece = randomBytes(300_000);
    const content = Buffer.concat(Array.from({ length: 12 }, () => piece));
    // Level 1 has a window of 512 KiB.
    const bytes = await collect(compressed(inPieces(content, 65_536), { format: "zstd", level: 1 }));
    expect(bytes.length).toBeLessThan(content.length / 4);
    expect(
      (await read(Buffer.concat([bytes, rawZstd({ content: text }), bytes]))).equals(
        Buffer.concat([content, text, content]),
      ),
    ).toBe(true);
  });

  test("decode: a frame of 100,000 blocks of one byte, in a window of 128 MiB", async () => {
    const block = Buffer.from("0a000041", "hex");
    const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, window(27)]);
    const frame = Buffer.concat([head, ...Array.from({ length: 100_000 }, () => block), Buffer.from("010000", "hex")]);
    expect(await read(frame)).toHaveLength(100_000);
  });

  test("decode: more than 10,000 frames, skippable frames and blocks with nothing in them are refused", async () => {
    const frame = rawZstd({ content: Buffer.alloc(0), windowByte: window(27) });
    const last = rawZstd({ content: text });
    const blocks = Buffer.concat([last.subarray(0, 6), Buffer.alloc(3 * 10_001), last.subarray(6)]);
    for (const empty of [repeated(frame, 10_001), repeated(Buffer.from("5a2a4d1800000000", "hex"), 10_001), blocks]) {
      await expect(read(Buffer.concat([empty, last]))).rejects.toMatchObject({ code: "ARCHIVE_TOO_LARGE" });
    }
    expect(await read(Buffer.concat([repeated(frame, 1000), last]))).toHaveLength(text.length);
  });

  test("decode: a flipped bit in what the program zstd wrote is refused", async (context) => {
    const zstd = requireProgram(context, "zstd");
    const bytes = execFileSync(zstd, ["-q", "-c"], { input: Buffer.concat([text, random.subarray(0, 500)]) });
    for (let offset = 0; offset < bytes.length; offset += 3) {
      const damaged = Buffer.from(bytes);
      damaged.writeUInt8(damaged.readUInt8(offset) ^ 0x04, offset);
      await expect(read(damaged), `byte ${offset}`).rejects.toThrow();
    }
  });
});
