import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { decompressFile } from "../../src/archive/decompress.ts";
import { defaultLimits } from "../../src/archive/limits.ts";
import { collect, neverAborted, temporaryFile } from "./folders.ts";
import { gnuLong, paxEntry, rawTar, tarBlocks } from "./raw-tar.ts";
import { rawZip } from "./raw-zip.ts";
import { expectRefused } from "./refused.ts";

const megabyte = 1024 ** 2;

describe("bytes", () => {
  test.each([
    ["tar", rawTar({ name: "big", body: Buffer.alloc(megabyte, 1) })],
    ["tar.gz", gzipSync(rawTar({ name: "big", body: Buffer.alloc(megabyte, 1) }))],
    ["zip", rawZip({ name: "big", body: Buffer.alloc(megabyte, 1), method: 8 })],
  ])("extract: a %s that unpacks to more than the limit stops and is removed", async (_, bytes) => {
    await expectRefused(bytes, "ARCHIVE_TOO_LARGE", /more than the limit of 1000000 bytes/, { maxBytes: 1_000_000 });
  });

  test("extract: a small file of many zeros is unpacked, a bomb is not", async () => {
    const bomb = gzipSync(rawTar({ name: "zeros", body: Buffer.alloc(70 * megabyte) }));
    await expectRefused(bomb, "ARCHIVE_TOO_LARGE", /250 times its size/);
    const zip = rawZip({ name: "zeros", body: Buffer.alloc(70 * megabyte), method: 8 });
    await expectRefused(zip, "ARCHIVE_TOO_LARGE", /250 times its size/);
  });

  test("extract: nothing but padding counts too", async () => {
    const bomb = gzipSync(Buffer.concat([tarBlocks({ name: "a" }), Buffer.alloc(70 * megabyte)]));
    await expectRefused(bomb, "ARCHIVE_TOO_LARGE", /250 times its size/);
  });

  test("extract: hard links count as what they would be as copies", async () => {
    const links = Array.from({ length: 20 }, (_, index) => ({ name: `l${index}`, type: "1", linkname: "big" }));
    const bytes = rawTar({ name: "big", body: Buffer.alloc(100_000) }, ...links);
    await expectRefused(bytes, "ARCHIVE_TOO_LARGE", /more than the limit of 1000000 bytes/, { maxBytes: 1_000_000 });
  });

  test("extract: zip entries that share bytes are refused", async () => {
    const body = Buffer.alloc(1000, 7);
    const bytes = rawZip({ name: "a", body }, { name: "b", body, sharesBytesOf: 0 });
    await expectRefused(bytes, "ARCHIVE_INVALID", /shares bytes/);
  });

  test("decompress: a single file that is a bomb stops", async () => {
    const path = temporaryFile(gzipSync(Buffer.alloc(2 * megabyte)));
    await expect(collect(decompressFile(path, "gzip", { maxBytes: megabyte }, neverAborted))).rejects.toMatchObject({
      code: "ARCHIVE_TOO_LARGE",
    });
    expect(await collect(decompressFile(path, "gzip", { maxBytes: 2 * megabyte }, neverAborted))).toHaveLength(
      2 * megabyte,
    );
  });
});

describe("entries and paths", () => {
  test.each([
    ["tar", rawTar(...Array.from({ length: 11 }, (_, index) => ({ name: `f${index}` })))],
    ["zip", rawZip(...Array.from({ length: 11 }, (_, index) => ({ name: `f${index}` })))],
  ])("extract: a %s with more entries than the limit is refused", async (_, bytes) => {
    await expectRefused(bytes, "ARCHIVE_TOO_LARGE", /more than the limit of 10 entries/, { maxEntries: 10 });
  });

  test("extract: a path of too many bytes is refused in each way to write it", async () => {
    const name = `${"d".repeat(200)}/`.repeat(6);
    const limit = defaultLimits.maxPathBytes;
    expect(Buffer.byteLength(name)).toBeGreaterThan(limit);
    const why = new RegExp(`more than ${limit} bytes`);
    await expectRefused(rawTar(paxEntry({ path: `${name}f` }), { name: "f" }), "ARCHIVE_TOO_LARGE", why);
    await expectRefused(rawTar(gnuLong("L", `${name}f`), { name: "f" }), "ARCHIVE_TOO_LARGE", why);
    await expectRefused(rawZip({ name: `${name}f` }), "ARCHIVE_TOO_LARGE", why);
  });

  test("extract: a path of too many folders is refused", async () => {
    await expectRefused(rawTar({ name: "f", prefix: `${"d/".repeat(59)}d` }), "ARCHIVE_TOO_LARGE", /deeper than 50/, {
      maxDepth: 50,
    });
  });

  test("extract: folders that are only implied count, too", async () => {
    const entries = Array.from({ length: 5 }, (_, index) => ({ name: `${index}/b/c` }));
    await expectRefused(rawTar(...entries), "ARCHIVE_TOO_LARGE", /limit of 9 folders/, { maxEntries: 9 });
  });

  test("extract: a tar header that announces gigabytes of metadata is refused without reading them", async () => {
    const huge = { name: "PaxHeader", type: "x", size: 2 ** 32, body: "11 path=abc" };
    await expectRefused(rawTar(huge, { name: "f" }), "ARCHIVE_INVALID", /damaged or truncated/);
  });
});
