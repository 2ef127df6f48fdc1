/** Archives in which other programs find other entries, or one file under two names: a scanner would look at what is not unpacked. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { listArchive } from "../../src/archive/list.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram, type Skippable } from "../support/peers.ts";
import { neverAborted, temporaryFile } from "./folders.ts";
import { gnuLong, paxEntry, rawTar, tarBlocks, tarEnd } from "./raw-tar.ts";
import { rawZip } from "./raw-zip.ts";
import { rawZstd } from "./raw-zstd.ts";
import { expectRefused } from "./refused.ts";

const endBytes = 22;
const readme = { name: "readme", body: "fine" };
const setup = { name: "setup.py", body: "evil" };

/** @returns Where the directory of a zip of `rawZip` begins. */
function directoryOf(zip: Buffer): number {
  return zip.readUInt32LE(zip.length - 6);
}

/** Puts bytes in front of the directory, or of everything, and says so in the end record and the directory's only entry. */
function withBytes(zip: Buffer, bytes: Uint8Array, isInFront: boolean): Buffer {
  const start = directoryOf(zip);
  const changed = Buffer.concat(
    isInFront ? [bytes, zip] : [zip.subarray(0, start), bytes, zip.subarray(start, zip.length)],
  );
  changed.writeUInt32LE(start + bytes.length, changed.length - 6);
  if (isInFront) changed.writeUInt32LE(bytes.length, start + bytes.length + 42);
  return changed;
}

describe("zip", () => {
  const one = rawZip(readme);
  const other = rawZip(setup);
  const hiddenEntry = other.subarray(0, directoryOf(other));

  test("an end record that counts fewer entries than the directory has is refused", async () => {
    const zip = rawZip(readme, setup);
    for (const offset of [8, 10]) zip.writeUInt16LE(1, zip.length - endBytes + offset);
    await expectRefused(zip, "ARCHIVE_INVALID", /contradicts its end record/);
  });

  test("an end record that states another size of the directory is refused", async () => {
    const zip = rawZip(readme, setup);
    zip.writeUInt32LE(zip.readUInt32LE(zip.length - endBytes + 12) - 1, zip.length - endBytes + 12);
    await expectRefused(zip, "ARCHIVE_INVALID", /a wrong size of its directory/);
  });

  test.each([
    ["behind the last one", withBytes(one, hiddenEntry, false)],
    ["behind 64 KiB of padding", withBytes(one, Buffer.concat([Buffer.alloc(64 * 1024 - 2), hiddenEntry]), false)],
    ["in front of the first one", withBytes(one, hiddenEntry, true)],
    ["in a whole zip in front", withBytes(one, other, true)],
    ["in a zip with an empty directory", withBytes(rawZip(), hiddenEntry, false)],
  ])("an entry %s that is not in the directory is refused", async (_, zip) => {
    await expectRefused(zip, "ARCHIVE_INVALID", /the zip file's directory does not list/);
  });

  test("padding, a signature of a package, and a zip in a zip are fine", async () => {
    for (const [index, zip] of [
      withBytes(one, Buffer.alloc(100_000), false),
      withBytes(one, Buffer.from("APK Sig Block 42".repeat(10)), false),
      rawZip({ name: "inner.zip", body: other }),
    ].entries()) {
      const cwd = temporaryFolder();
      writeFileSync(join(cwd, "a.zip"), zip);
      const ran = await oras(["extract", "a.zip", "-o", "out"], { cwd });
      expect(ran, `${index}: ${ran.stderr}`).toMatchObject({ exitCode: 0 });
    }
  });

  test("what Python writes is fine: streamed, with zip64 fields, with a comment, with a zip64 end record", async () => {
    const cwd = temporaryFolder();
    const script = `
import sys, zipfile
class Stream:
    def write(self, data): return sys.stdout.buffer.write(data)
    def flush(self): sys.stdout.flush()
with zipfile.ZipFile(Stream(), "w") as zip:
    with zip.open("streamed", "w", force_zip64=True) as file: file.write(b"fine")
    zip.comment = "gr\\u00fc\\u00dfe".encode()
zipfile.ZIP_FILECOUNT_LIMIT = 1
with zipfile.ZipFile("zip64.zip", "w") as zip:
    for name in "abc": zip.writestr(name, b"fine")
`;
    writeFileSync(join(cwd, "streamed.zip"), execFileSync("python3", ["-c", script], { cwd }));
    const streamed = await oras(["extract", "streamed.zip", "-o", "out"], { cwd });
    expect(streamed, streamed.stderr).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(cwd, "out/streamed"), "utf8")).toBe("fine");
    expect(readFileSync(join(cwd, "zip64.zip")).includes("PK\x06\x06")).toBe(true);
    const zip64 = await oras(["extract", "zip64.zip", "-o", "out64"], { cwd });
    expect(zip64, zip64.stderr).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(cwd, "out64/c"), "utf8")).toBe("fine");
  });
});

describe("tar", () => {
  test.each(["-1", "+4", "0x4", "4x", " 4", "4.0"])("a PAX size of %j is refused", async (size) => {
    const tar = rawTar(paxEntry({ size }), readme);
    await expectRefused(tar, "ARCHIVE_INVALID", /size that is not a number|damaged or truncated/);
  });

  test("a negative size is refused", async () => {
    const sizeField = Buffer.alloc(12, 0xff);
    await expectRefused(rawTar({ ...readme, sizeField }), "ARCHIVE_INVALID", /damaged/);
  });

  // GNU tar and Python look for the next entry where the library passes over bytes of the link.
  test.each(["1", "2"])("an entry that hides in the bytes of a link of type %s is refused", async (type) => {
    const link = { name: "link", type, linkname: "readme", body: tarBlocks(setup) };
    await expectRefused(rawTar(readme, link), "ARCHIVE_INVALID", /link that states a size/);
  });
});

describe("tar: bytes behind the end mark", () => {
  const hidden = rawTar(setup);
  const compressions: Readonly<Record<string, (context: Skippable, tar: Buffer) => Buffer>> = {
    tar: (_, tar) => tar,
    "tar.gz": (_, tar) => gzipSync(tar),
    "tar.gz of two members": (_, tar) =>
      Buffer.concat([tar.subarray(0, 512), tar.subarray(512)].map((part) => gzipSync(part))),
    "tar.zst": (_, content) => rawZstd({ content }),
    "tar.xz": (context, input) => execFileSync(requireProgram(context, "xz"), ["-c"], { input }),
  };

  test.for([
    ["entries behind one block of zeros", Buffer.concat([tarBlocks(readme), Buffer.alloc(512), hidden])],
    ["a second tar", Buffer.concat([rawTar(readme), hidden])],
    ["entries behind a record of zeros", Buffer.concat([tarBlocks(readme), Buffer.alloc(20 * 512), hidden])],
    ["entries behind a megabyte of zeros", Buffer.concat([tarBlocks(readme), Buffer.alloc(1024 ** 2), hidden])],
    [
      "entries behind zeros that follow a PAX header",
      Buffer.concat([tarBlocks(readme, paxEntry({ path: "x" })), tarEnd, hidden]),
    ],
    ["a byte", Buffer.concat([rawTar(readme), Buffer.alloc(511), Buffer.from("x")])],
  ] as const)("%s: refused in every compression", async ([, tar], context) => {
    for (const compressed of Object.values(compressions)) {
      await expectRefused(compressed(context, tar), "ARCHIVE_INVALID", /hides bytes behind its end mark/);
    }
  });

  test.for([
    ["one block of zeros at the end", Buffer.concat([tarBlocks(readme), Buffer.alloc(512)])],
    ["a record of zeros", Buffer.concat([rawTar(readme), Buffer.alloc(10_240)])],
    ["a name whose header ends in a block of zeros", rawTar(gnuLong("L", `${"folder/".repeat(73)}f`), readme)],
    ["a file of zeros, and one behind it", rawTar({ name: "zeros", body: Buffer.alloc(100_000) }, readme)],
  ] as const)("%s: fine in every compression", async ([, tar], context) => {
    for (const [name, compressed] of Object.entries(compressions)) {
      const archive = temporaryFile(compressed(context, tar));
      expect((await listArchive(archive, { signal: neverAborted })).length, name).toBeGreaterThan(0);
    }
  });

  test("no program shows the entry that is refused", (context) => {
    const tar = Buffer.concat([tarBlocks(readme), Buffer.alloc(20 * 512), hidden]);
    const shown = execFileSync(requireProgram(context, "tar"), ["-tf", "-"], { input: tar, encoding: "utf8" });
    expect(shown).toBe("readme\n");
  });
});

describe("tar: headers that programs read in different ways", () => {
  test.each([
    ["a PAX size beside another size", [paxEntry({ size: "0" }), { ...readme, body: tarBlocks(setup) }], /two sizes/],
    [
      "a PAX size beside no size",
      [paxEntry({ size: "1024" }), { ...readme, size: 0, body: rawTar().subarray(0, 1024) }],
      /two sizes/,
    ],
    ["a size for all entries", [paxEntry({ size: "512" }, "g"), readme], /for all entries/],
    [
      "a path for all entries",
      [paxEntry({ path: "setup.py" }, "g"), paxEntry({ mtime: "1" }), readme],
      /for all entries/,
    ],
    ["two PAX headers", [paxEntry({ path: "a" }), paxEntry({ mtime: "1" }), readme], /two headers of one kind/],
    ["two long names", [gnuLong("L", "a"), paxEntry({ path: "b" }), readme], /two long names/],
    [
      "two long targets",
      [gnuLong("K", "a"), paxEntry({ linkpath: "b" }), { name: "l", type: "2" }],
      /two long targets/,
    ],
    ["a folder with bytes", [{ name: "folder", type: "5", body: tarBlocks(setup) }], /folder that states a size/],
  ] as const)("%s: refused", async (_, entries, message) => {
    await expectRefused(rawTar(...entries), "ARCHIVE_INVALID", message);
  });

  test("a PAX size that repeats the header's is fine", async () => {
    const archive = temporaryFile(
      rawTar(paxEntry({ size: "4", mtime: "1" }), readme, paxEntry({ comment: "all" }, "g"), setup),
    );
    expect(await listArchive(archive, { signal: neverAborted })).toHaveLength(2);
  });
});
