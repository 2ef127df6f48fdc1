import { randomBytes } from "node:crypto";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync, gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { decompressFile } from "../../src/archive/decompress.ts";
import { extractArchive } from "../../src/archive/extract.ts";
import type { ArchiveFormat } from "../../src/archive/format.ts";
import { listArchive } from "../../src/archive/list.ts";
import { InterruptedError, OrasClientError } from "../../src/errors.ts";
import { temporaryFolder } from "../support/folders.ts";
import { collect, neverAborted, temporaryFile, treeOf } from "./folders.ts";
import { paxEntry, rawTar, tarBlocks, tarEnd } from "./raw-tar.ts";
import { rawZip } from "./raw-zip.ts";
import { expectRefused } from "./refused.ts";

const entries = [
  { name: "a", body: "first ".repeat(50) },
  { name: "b", body: Buffer.from(Array.from({ length: 700 }, (_, index) => (index * 7919) % 251)) },
];
const tar = rawTar(...entries);
const archives: Readonly<Record<"tar" | "tar.gz" | "zip", Buffer>> = {
  tar,
  "tar.gz": gzipSync(tar),
  zip: rawZip(...entries.map((entry) => ({ ...entry, method: 8 }))),
};

/** Bytes of what has been written of the only entry so far, wherever it is staged. */
function stagedBytes(place: string): number {
  const files = readdirSync(place, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0);
}

/** Undefined if it was unpacked; in both cases nothing may be left over. */
async function extractionFault(bytes: Uint8Array, format: ArchiveFormat): Promise<unknown> {
  const place = temporaryFolder();
  const archive = join(place, "archive");
  writeFileSync(archive, bytes);
  try {
    await extractArchive(archive, join(place, "out"), { format, signal: neverAborted });
    expect(readdirSync(place)).toEqual(["archive", "out"]);
    return undefined;
  } catch (error) {
    expect(readdirSync(place)).toEqual(["archive"]);
    return error;
  }
}

describe.each(Object.entries(archives))("a %s that is cut off", (format, bytes) => {
  test("extract: is refused wherever it ends, and leaves nothing", async () => {
    expect(await extractionFault(bytes, format as ArchiveFormat)).toBeUndefined();
    let checked = 0;
    // A tar has its end mark twice; without the second half of it nothing is missing.
    const complete = format === "tar" ? bytes.length - 512 : bytes.length;
    for (let length = 0; length < complete; length += Math.max(1, Math.floor(complete / 97))) {
      const fault = await extractionFault(bytes.subarray(0, length), format as ArchiveFormat);
      expect(fault, `${length} of ${bytes.length} bytes`).toMatchObject({ code: "ARCHIVE_INVALID", exitCode: 65 });
      checked += 1;
    }
    expect(checked).toBeGreaterThan(90);
  });
});

describe("a tar that is damaged", () => {
  test("extract: one that ends between two entries is refused", async () => {
    await expectRefused(tarBlocks(...entries), "ARCHIVE_INVALID", /end mark/);
    await expectRefused(gzipSync(tarBlocks(...entries)), "ARCHIVE_INVALID", /end mark/);
    const zerosAtTheEnd = tarBlocks({ name: "zeros", body: Buffer.alloc(4096) });
    await expectRefused(zerosAtTheEnd, "ARCHIVE_INVALID", /end mark/);
  });

  test("extract: one that ends behind a PAX header whose entry is missing is refused", async () => {
    await expectRefused(tarBlocks(...entries, paxEntry({ path: "gone" })), "ARCHIVE_INVALID", /end mark/);
  });

  test("extract: a header with a flipped bit is refused", async () => {
    for (const offset of [3, 101, 126, 150, 156, 160, 300]) {
      const damaged = Buffer.from(tar);
      const second = tarBlocks(entries[0] ?? { name: "" }).length;
      damaged.writeUInt8(damaged.readUInt8(second + offset) ^ 0x01, second + offset);
      await expectRefused(damaged, "ARCHIVE_INVALID", /damaged/);
    }
  });

  test("extract: bytes behind the end mark that are no zeros are refused", async () => {
    await expectRefused(Buffer.concat([tar, Buffer.alloc(512, 7)]), "ARCHIVE_INVALID", /damaged|end mark/);
    await expectRefused(Buffer.concat([tar, Buffer.from("x")]), "ARCHIVE_INVALID", /damaged|end mark/);
  });

  test("extract: padding to a record of any length is fine", async () => {
    expect(await extractionFault(Buffer.concat([tar, Buffer.alloc(10240)]), "tar")).toBeUndefined();
    expect(await extractionFault(Buffer.concat([tarBlocks(...entries), tarEnd.subarray(512)]), "tar")).toBeUndefined();
  });

  test("extract: a size that is negative, absurd or not a number is refused", async () => {
    await expectRefused(
      rawTar({ name: "a", sizeField: Buffer.concat([Buffer.from([0xff]), Buffer.alloc(11)]) }),
      "ARCHIVE_INVALID",
      /damaged/,
    );
    const absurd = Buffer.concat([Buffer.from([0x80]), Buffer.alloc(11, 0x7f)]);
    await expectRefused(rawTar({ name: "a", sizeField: absurd }), "ARCHIVE_INVALID", /damaged/);
    await expectRefused(rawTar({ name: "a", sizeField: "x" }), "ARCHIVE_INVALID", /damaged/);
    await expectRefused(rawTar(paxEntry({ size: "many" }), { name: "a" }), "ARCHIVE_INVALID", /damaged/);
  });
});

describe("a tar.gz that is damaged", () => {
  test("extract: a flipped bit behind the gzip header is refused, or changes nothing", async () => {
    const bytes = archives["tar.gz"];
    let refused = 0;
    for (let offset = 10; offset < bytes.length; offset += 1) {
      const damaged = Buffer.from(bytes);
      damaged.writeUInt8(damaged.readUInt8(offset) ^ 0x10, offset);
      const fault = await extractionFault(damaged, "tar.gz");
      if (fault === undefined) expect(gunzipSync(damaged).equals(tar), `byte ${offset}`).toBe(true);
      else expect(fault, `byte ${offset}`).toMatchObject({ code: "ARCHIVE_INVALID", exitCode: 65 });
      refused += fault === undefined ? 0 : 1;
    }
    expect(refused).toBeGreaterThan((bytes.length - 10) * 0.95);
  });

  test("decompress: members behind each other are one, zeros are padding, garbage is refused", async () => {
    const two = Buffer.concat([gzipSync("one"), gzipSync("two")]);
    const read = (bytes: Buffer) => collect(decompressFile(temporaryFile(bytes), "gzip", {}, neverAborted));
    expect((await read(two)).toString()).toBe("onetwo");
    expect((await read(Buffer.concat([two, Buffer.alloc(600)]))).toString()).toBe("onetwo");
    await expect(read(Buffer.concat([two, Buffer.from("garbage")]))).rejects.toMatchObject({ code: "ARCHIVE_INVALID" });
    await expect(read(two.subarray(0, -4))).rejects.toMatchObject({ code: "ARCHIVE_INVALID" });
  });
});

describe("a zip that is damaged", () => {
  test.each([
    ["another CRC-32", { name: "a", body: "text", crc: 1 }, /CRC-32/],
    ["another CRC-32 of deflated bytes", { name: "a", body: "text", method: 8, crc: 1 }, /CRC-32/],
    ["more bytes than it states", { name: "a", body: "text", method: 8, size: 3 }, /size/],
    ["fewer bytes than it states", { name: "a", body: "text", method: 8, size: 5 }, /size/],
    ["another name before its bytes", { name: "a", body: "text", localName: "b" }, /contradicts the zip/],
    ["another CRC-32 before its bytes", { name: "a", body: "text", localCrc: 1 }, /contradicts the zip/],
    ["another method before its bytes", { name: "a", body: "text", localMethod: 8 }, /contradicts the zip/],
  ])("extract: an entry with %s is refused", async (_, entry, why) => {
    await expectRefused(rawZip(entry), "ARCHIVE_INVALID", why);
  });

  test("extract: an encrypted entry and an unknown method are refused as unsupported", async () => {
    await expectRefused(
      rawZip({ name: "a", body: Buffer.alloc(13), flags: 1, size: 1 }),
      "ARCHIVE_UNSUPPORTED",
      /encrypted/,
    );
    await expectRefused(rawZip({ name: "a", body: "x", method: 14 }), "ARCHIVE_UNSUPPORTED", /method 14/);
  });

  test("extract: bytes that do not inflate are refused", async () => {
    const bytes = rawZip({ name: "a", body: "text".repeat(100), method: 8 });
    const at = bytes.indexOf(deflateRawSync("text".repeat(100)));
    expect(at).toBeGreaterThan(0);
    bytes.fill(0xff, at, at + 4);
    await expectRefused(bytes, "ARCHIVE_INVALID", /entry "a" is damaged/);
  });

  test("extract: bytes behind the end are refused", async () => {
    await expectRefused(Buffer.concat([archives.zip, Buffer.from("tail")]), "ARCHIVE_INVALID", /damaged/);
  });
});

describe("what is no fault of the archive", () => {
  test("extract: an aborted signal ends it with the signal's own reason and leaves nothing", async () => {
    const reason = new InterruptedError("INTERRUPTED", "stopped");
    for (const [format, bytes] of Object.entries(archives)) {
      const place = temporaryFolder();
      const archive = temporaryFile(bytes);
      const options = { format: format as ArchiveFormat, signal: AbortSignal.abort(reason) };
      await expect(extractArchive(archive, join(place, "out"), options)).rejects.toBe(reason);
      await expect(listArchive(archive, options)).rejects.toBe(reason);
      expect(readdirSync(place)).toEqual([]);
    }
  });

  test("extract: an abort while a large entry is unpacked leaves nothing", async () => {
    const body = randomBytes(64 * 1024 ** 2);
    const bytes = [
      rawTar({ name: "f", body }),
      gzipSync(rawTar({ name: "f", body })),
      rawZip({ name: "f", body, method: 8 }),
    ];
    for (const archive of bytes.map((one) => temporaryFile(one))) {
      const place = temporaryFolder();
      const abort = new AbortController();
      const reason = new Error("a reason of the caller's own");
      const running = extractArchive(archive, join(place, "out"), { signal: abort.signal });
      while (stagedBytes(place) === 0) await new Promise((resolve) => setImmediate(resolve));
      abort.abort(reason);
      await expect(running).rejects.toBe(reason);
      expect(readdirSync(place)).toEqual([]);
    }
  });

  test("extract: a file that does not exist is not found", async () => {
    const missing = join(temporaryFolder(), "missing.tar");
    const out = join(temporaryFolder(), "made", "out");
    await expect(extractArchive(missing, out, { signal: neverAborted })).rejects.toMatchObject({
      code: "FILE_NOT_FOUND",
    });
    expect(treeOf(join(out, "../.."))).toEqual({});
  });

  test("extract: folders that were made above the output are removed when the archive is refused", async () => {
    const place = temporaryFolder();
    const extracting = extractArchive(temporaryFile(tarBlocks(...entries)), join(place, "a", "b", "out"), {
      signal: neverAborted,
    });
    await expect(extracting).rejects.toMatchObject({ code: "ARCHIVE_INVALID" });
    expect(treeOf(place)).toEqual({});
  });

  test("extract: a folder in the place of the archive is an error of the file system", async () => {
    for (const format of ["tar", "tar.gz", "zip"] as const) {
      const extracting = extractArchive(temporaryFolder(), join(temporaryFolder(), "out"), {
        format,
        signal: neverAborted,
      });
      await expect(extracting, format).rejects.toMatchObject({ exitCode: 74 });
    }
  });

  test("extract: an output that cannot be written is an error of the file system, not of the archive", async () => {
    const place = temporaryFolder();
    writeFileSync(join(place, "file"), "");
    const archive = temporaryFile(tar);
    await expect(extractArchive(archive, join(place, "file"), { signal: neverAborted })).rejects.toMatchObject({
      exitCode: 74,
    });
    const below = extractArchive(archive, join(place, "file", "out"), { signal: neverAborted });
    await expect(below).rejects.toSatisfy((error) => error instanceof OrasClientError && error.exitCode === 74);
  });
});
