import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import { sniffFile } from "../../src/archive/format.ts";
import { listArchive } from "../../src/archive/list.ts";
import { temporaryFolder } from "../support/folders.ts";
import { neverAborted, temporaryFile, treeOf } from "./folders.ts";
import { rawTar } from "./raw-tar.ts";
import { rawZip } from "./raw-zip.ts";
import { rawZstd } from "./raw-zstd.ts";

const tar = rawTar({ name: "a", body: "x" });
const text = Buffer.from("some text\n".repeat(200));

test.each([
  ["tar", tar, "tar"],
  ["a tar from before ustar", rawTar({ name: "a", body: "x", magic: "" }), "tar"],
  ["a tar of GNU", rawTar({ name: "a", body: "x", magic: "ustar  \0" }), "tar"],
  ["gzip of a tar", gzipSync(tar), "tar.gz"],
  ["gzip of a tar behind an empty member", Buffer.concat([gzipSync(""), gzipSync(tar)]), "tar.gz"],
  ["gzip of a tar with other bytes behind it", Buffer.concat([gzipSync(tar), Buffer.from("garbage")]), "tar.gz"],
  ["gzip of a text", gzipSync(text), "gzip"],
  ["gzip of less than a tar header", gzipSync("x"), "gzip"],
  ["gzip of nothing", gzipSync(""), "gzip"],
  ["gzip that is cut off", gzipSync(text).subarray(0, 15), "gzip"],
  ["zstd of a tar", rawZstd({ content: tar }), "tar.zst"],
  [
    "zstd of a tar behind a skippable frame",
    Buffer.concat([Buffer.from("502a4d1801000000ff", "hex"), rawZstd({ content: tar })]),
    "tar.zst",
  ],
  ["zstd of a text", rawZstd({ content: text }), "zstd"],
  ["zstd with an absurd window", rawZstd({ content: text, windowByte: 0xff }), "zstd"],
  ["zip", rawZip({ name: "a" }), "zip"],
  ["an empty zip", rawZip(), "zip"],
  ["an executable with a zip behind it", Buffer.concat([Buffer.from("MZ"), rawZip({ name: "a" })]), "raw"],
  ["text", text, "raw"],
  ["nothing", Buffer.alloc(0), "raw"],
  ["zeros", Buffer.alloc(2048), "raw"],
  ["a tar header with a wrong checksum", Buffer.concat([Buffer.from("b"), tar.subarray(1)]), "raw"],
])("sniffFile: %s, whatever it is called", async (_, bytes, format) => {
  expect(await sniffFile(temporaryFile(bytes, "tool.7z"))).toBe(format);
});

test("sniffFile: a file that does not exist is not found", async () => {
  await expect(sniffFile(`${temporaryFolder()}/missing`)).rejects.toMatchObject({
    code: "FILE_NOT_FOUND",
    exitCode: 66,
  });
});

describe("what is not unpacked", () => {
  test.each([
    ["bzip2", "425a6839314159265359", /compressed by bzip2/],
    ["7z", "377abcaf271c0004", /compressed by 7z/],
    ["lzma", "5d00008000ffffff", /compressed by lzma/],
    ["deb", "213c617263683e0a", /is an ar archive, such as a Debian package/],
    ["rpm", "edabeedb03000000", /is an RPM package/],
    ["pkg", "78617221001c0001", /is a macOS installer package/],
    ["cab", "4d53434600000000", /is a cabinet file/],
    ["msi", "d0cf11e0a1b11ae1", /is an MSI package/],
    ["text", "68656c6c6f", /is not an archive/],
  ])("extract: %s is raw until somebody wants to unpack it, then an error with a hint", async (_, hex, message) => {
    const path = temporaryFile(Buffer.from(hex, "hex"));
    const place = temporaryFolder();
    expect(await sniffFile(path)).toBe("raw");
    const error = {
      code: "ARCHIVE_UNSUPPORTED",
      exitCode: 65,
      message: expect.stringMatching(message),
      hint: expect.stringMatching(/tar\.gz/),
    };
    await expect(extractArchive(path, `${place}/out`, { signal: neverAborted })).rejects.toMatchObject(error);
    await expect(listArchive(path, { signal: neverAborted })).rejects.toMatchObject(error);
    expect(treeOf(place)).toEqual({});
  });

  test("extract: other bytes behind the gzip of a small tar are named, whatever Node has decoded by then", async () => {
    const path = temporaryFile(Buffer.concat([gzipSync(tar), Buffer.from("garbage")]));
    const extracting = extractArchive(path, `${temporaryFolder()}/out`, { signal: neverAborted });
    await expect(extracting).rejects.toMatchObject({
      code: "ARCHIVE_INVALID",
      message: expect.stringMatching(/other bytes after its gzip data/),
    });
  });

  test("extract: a single compressed file is no archive", async () => {
    const extracting = extractArchive(temporaryFile(gzipSync(text)), `${temporaryFolder()}/out`, {
      signal: neverAborted,
    });
    await expect(extracting).rejects.toMatchObject({
      code: "ARCHIVE_UNSUPPORTED",
      message: expect.stringMatching(/single file/),
    });
  });

  test("extract: a format that the caller states is believed, and its errors are the archive's", async () => {
    const path = temporaryFile(gzipSync(tar));
    const extracting = extractArchive(path, `${temporaryFolder()}/out`, { format: "tar", signal: neverAborted });
    await expect(extracting).rejects.toMatchObject({ code: "ARCHIVE_INVALID" });
  });
});
