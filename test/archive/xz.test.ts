/** xz, with archives that the `xz` program writes. */
import { execFileSync } from "node:child_process";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { decompressFile } from "../../src/archive/decompress.ts";
import { extractArchive } from "../../src/archive/extract.ts";
import { sniffFile } from "../../src/archive/format.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { collect, neverAborted, temporaryFile, treeOf } from "./folders.ts";
import { rawTar } from "./raw-tar.ts";

const signal = neverAborted;
const tar = rawTar({ name: "bin/tool", body: "#!/bin/sh\n" }, { name: "data", body: "x".repeat(300_000) });

function xz(context: TestContext, content: Buffer, ...options: readonly string[]): Buffer {
  return execFileSync(requireProgram(context, "xz"), ["-c", ...options], { input: content, maxBuffer: 64 * 1024 ** 2 });
}

async function unpacked(bytes: Buffer): Promise<Record<string, string>> {
  const out = join(temporaryFolder(), "out");
  await extractArchive(temporaryFile(bytes), out, { signal });
  return treeOf(out);
}

test("xz: a tar is unpacked, whatever its blocks, its check of 32 or 64 bits, and its streams are", async (context) => {
  const expected = await unpacked(tar);
  const streams = Buffer.concat([xz(context, tar.subarray(0, 5000)), Buffer.alloc(8), xz(context, tar.subarray(5000))]);
  const variants = [
    xz(context, tar),
    xz(context, tar, "-9e"),
    xz(context, tar, "--check=crc32"),
    xz(context, tar, "--block-size=50000"),
    streams,
  ];
  for (const bytes of variants) {
    expect(await sniffFile(temporaryFile(bytes))).toBe("tar.xz");
    expect(await unpacked(bytes)).toEqual(expected);
  }
});

test("xz: a single file, and two at a time", async (context) => {
  const content = Buffer.from("not a tar ".repeat(50_000));
  const path = temporaryFile(xz(context, content));
  expect(await sniffFile(path)).toBe("xz");
  const read = () => collect(decompressFile(path, "xz", {}, signal));
  expect(await Promise.all([read(), read()])).toEqual([content, content]);
  // A reader that stops early frees the decoder for the next.
  for await (const _ of decompressFile(path, "xz", {}, signal)) break;
  expect(await read()).toEqual(content);
});

test.for<readonly [readonly string[], RegExp]>([
  [["--x86", "--lzma2"], /with the filter x86/],
  [["--delta", "--lzma2"], /with the filter delta/],
  [["--check=sha256"], /with the check SHA-256/],
  [["--lzma2=dict=96MiB"], /needs an xz dictionary of more than 67108864 bytes/],
])("xz: what the decoder lacks is named: %s", async ([options, message], context) => {
  const bytes = xz(context, tar, ...options);
  const work = extractArchive(temporaryFile(bytes), join(temporaryFolder(), "out"), { signal });
  await expect(work).rejects.toMatchObject({ code: "ARCHIVE_UNSUPPORTED", message: expect.stringMatching(message) });
});

test("xz: damaged, truncated and padded bytes are refused, and leave nothing behind", async (context) => {
  const bytes = xz(context, tar);
  const flipped = Buffer.from(bytes);
  flipped[Math.floor(bytes.length / 2)] = (flipped[Math.floor(bytes.length / 2)] ?? 0) ^ 0xff;
  const wrong = [
    bytes.subarray(0, bytes.length - 1),
    bytes.subarray(0, 40),
    flipped,
    Buffer.concat([bytes, Buffer.from("more")]),
  ];
  for (const one of wrong) {
    const out = join(temporaryFolder(), "out");
    await expect(extractArchive(temporaryFile(one), out, { signal, format: "tar.xz" })).rejects.toMatchObject({
      code: "ARCHIVE_INVALID",
    });
    expect(statSync(out, { throwIfNoEntry: false })).toBeUndefined();
  }
});

test("xz: a bomb stops at the ratio", async (context) => {
  const path = temporaryFile(xz(context, Buffer.alloc(60 * 1024 ** 2), "-6"));
  const work = collect(decompressFile(path, "xz", { maxRatio: 10, maxBytes: 10_000_000 }, signal));
  await expect(work).rejects.toMatchObject({ code: "ARCHIVE_TOO_LARGE" });
});

test("an archive that is compressed twice, or in another format, is named for what it is", async (context) => {
  const gzip = (bytes: Buffer) => execFileSync("gzip", ["-c"], { input: bytes });
  const folder = temporaryFolder();
  mkdirSync(join(folder, "out"));
  const bzip2 = Buffer.concat([Buffer.from("BZh9"), Buffer.from("314159265359", "hex"), Buffer.alloc(20)]);
  for (const [bytes, message] of [
    [gzip(gzip(tar)), /holds gzip inside gzip: it was compressed twice/],
    [gzip(xz(context, tar)), /holds xz inside gzip/],
    [bzip2, /is compressed by bzip2/],
    // One frame with a window of 256 MiB, and one block of five bytes.
    [Buffer.from("28b52ffd00902900006869206869", "hex"), /needs a zstd window of more than 134217728 bytes/],
  ] as const) {
    writeFileSync(join(folder, "archive"), bytes);
    const work = extractArchive(join(folder, "archive"), join(folder, "out"), { signal });
    await expect(work).rejects.toMatchObject({ code: "ARCHIVE_UNSUPPORTED", message: expect.stringMatching(message) });
  }
});
