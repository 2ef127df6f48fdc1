/** Archives whose author wants to hold the machine up: work is bounded, and the deadline and Ctrl-C are heard. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { gnuLong, paxEntry, type RawTarEntry, rawTar, tarBlocks, tarEnd, tarHeader } from "../archive/raw-tar.ts";
import { rawZip } from "../archive/raw-zip.ts";
import { rawZstd } from "../archive/raw-zstd.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireNode } from "../support/node-versions.ts";
import type { Ran, RunOptions } from "../support/run.ts";

const mebibyte = 1024 ** 2;

function repeated(bytes: Buffer, count: number): Buffer {
  return Buffer.alloc(bytes.length * count, bytes);
}

/** @returns How it ended; nothing but the archive may be there unless it was unpacked. */
async function extract(archive: Buffer, args: readonly string[] = [], options: RunOptions = {}): Promise<Ran> {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "archive"), archive);
  const ran = await oras(["extract", "archive", "-o", "out", ...args], { cwd: dir, ...options });
  if (ran.exitCode !== 0) expect(readdirSync(dir)).toEqual(["archive"]);
  else expect(existsSync(join(dir, "out"))).toBe(true);
  return ran;
}

/** Frames of RFC 8878 that ask for 128 MiB of memory. */
const window128 = 17 << 3;
const emptyFrame = rawZstd({ content: Buffer.alloc(0), windowByte: window128 });
const frameOfOneByte = rawZstd({ content: Buffer.from("x"), windowByte: window128 });
const emptyMember = gzipSync("");

describe.each(["default", "22", "24", "26"])("on Node %s", (version) => {
  const run = async (context: { readonly skip: (note?: string) => never }, archive: Buffer): Promise<Ran> => {
    const node = version === "default" ? process.execPath : requireNode(context, version);
    return await extract(archive, ["--single", "--timeout", "20"], { node });
  };

  test("zstd: frames that ask for 128 MiB each, and give nothing or a byte, cost what they give", async (context) => {
    const few = await run(context, repeated(emptyFrame, 1000));
    expect(few, few.stderr).toMatchObject({ exitCode: 0 });
    const small = await run(context, repeated(frameOfOneByte, 1000));
    expect(small, small.stderr).toMatchObject({ exitCode: 0 });
    const blocks = repeated(Buffer.from("0a000041", "hex"), 5000);
    const frame = Buffer.concat([emptyFrame.subarray(0, 6), blocks, Buffer.from("010000", "hex")]);
    expect(await run(context, frame)).toMatchObject({ exitCode: 0 });
  });

  test("zstd: endless frames of nothing are refused", async (context) => {
    const skippable = Buffer.from("5a2a4d1800000000", "hex");
    for (const nothing of [emptyFrame, skippable]) {
      const ran = await run(context, Buffer.concat([repeated(nothing, 2_000_000), frameOfOneByte]));
      expect(ran.stderr).toContain("ARCHIVE_TOO_LARGE");
      expect(ran.exitCode).toBe(65);
    }
  });

  test("gzip: a million members of nothing are one file of nothing", async (context) => {
    expect(await run(context, repeated(emptyMember, 1_000_000))).toMatchObject({ exitCode: 0 });
  });
});

test.each([
  { stop: "the deadline", args: ["--timeout", "1"], exitCode: 75 },
  { stop: "Ctrl-C", args: [], exitCode: 130 },
])("zstd: $stop is heard while frames of a byte are decoded", async ({ args, exitCode }) => {
  const frames = repeated(frameOfOneByte, (40 * mebibyte) / frameOfOneByte.length);
  const ran = await extract(frames, ["--single", ...args], {
    onStart: (child) => {
      if (exitCode === 130) setTimeout(() => child.kill("SIGINT"), 2000);
    },
  });
  expect(ran, ran.stderr).toMatchObject({ exitCode, signal: null });
});

describe("what costs memory or time and is no content", () => {
  const entry = (name: string): RawTarEntry => ({ name, body: "" });

  test("tar: a global header with 100,000 records is refused, and not copied for each entry", async () => {
    const records = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`k${index}`, "v"]));
    const own = Array.from({ length: 2000 }, (_, index) => [paxEntry({ mtime: "1" }), entry(`f${index}`)]).flat();
    const ran = await extract(gzipSync(rawTar(paxEntry(records, "g"), ...own)), ["--timeout", "20"]);
    expect(ran.stderr).toMatch(/ARCHIVE_TOO_LARGE\]: .*PAX records/);
  });

  test.each(["x", "L"] as const)("tar: headers without an entry, of type %s, end in an error", async (type) => {
    const header = type === "x" ? paxEntry({ comment: "c".repeat(100_000) }) : gnuLong("L", "n".repeat(100_000));
    const blocks = tarBlocks(header);
    const ran = await extract(gzipSync(Buffer.concat([repeated(blocks, 600), tarEnd])));
    expect(ran.exitCode, ran.stderr).toBe(65);
  });

  test("tar: a name of gigabytes is not waited for", async () => {
    const header = tarHeader({ name: "././@LongLink", type: "L", size: 2 ** 32 });
    const ran = await extract(gzipSync(Buffer.concat([header, Buffer.alloc(48 * mebibyte)])));
    expect(ran).toMatchObject({ exitCode: 65, stderr: expect.stringContaining("ARCHIVE_INVALID") });
  });

  test("zip: a directory of 150 MB for files of nothing is refused", async () => {
    const zip = rawZip(...Array.from({ length: 2400 }, (_, index) => ({ name: `${index}`.padEnd(65_000, "n") })));
    const ran = await extract(zip);
    expect(ran).toMatchObject({ exitCode: 65, stderr: expect.stringContaining("ARCHIVE_TOO_LARGE") });
  });

  test("zip: a directory that states more entries than it has is refused", async () => {
    const zip = rawZip({ name: "a", body: "a" });
    zip.writeUInt16LE(0xfffe, zip.length - 22 + 8);
    zip.writeUInt16LE(0xfffe, zip.length - 22 + 10);
    expect(await extract(zip)).toMatchObject({ exitCode: 65 });
  });
});
