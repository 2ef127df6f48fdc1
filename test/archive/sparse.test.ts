/** Sparse files in tars, as bsdtar writes them by itself, and GNU tar with `--sparse`. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import { Budget, defaultLimits } from "../../src/archive/limits.ts";
import { listArchive } from "../../src/archive/list.ts";
import { readTar } from "../../src/archive/tar.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram, type Skippable } from "../support/peers.ts";
import { collect, inPieces, neverAborted, temporaryFile } from "./folders.ts";
import { paxEntry, type RawTarEntry, rawTar, tarHeader } from "./raw-tar.ts";
import { expectRefused } from "./refused.ts";

const signal = neverAborted;
const mebibyte = 1024 ** 2;

/** Writes a file with bytes at the offsets, and a hole at its end. */
function writeSparse(path: string, offsets: readonly number[], size: number): void {
  const file = openSync(path, "w", 0o644);
  for (const offset of offsets) writeSync(file, `part at ${offset}`, offset);
  ftruncateSync(file, size);
  closeSync(file);
}

const files: Readonly<Record<string, readonly [offsets: readonly number[], size: number]>> = {
  "few holes": [[mebibyte, 3 * mebibyte], 4 * mebibyte],
  "a hole alone": [[], mebibyte],
  "bytes at both ends": [[0, 2 * mebibyte - 9], 2 * mebibyte + 3],
  // Old maps have 4 parts in the header, and 21 in each further block.
  "60 holes": [Array.from({ length: 60 }, (_, index) => index * 64 * 1024 + 7), 4 * mebibyte],
};

function makeFiles(): string {
  const folder = temporaryFolder();
  for (const [name, [offsets, size]] of Object.entries(files)) writeSparse(join(folder, name), offsets, size);
  writeFileSync(join(folder, "plain"), "x".repeat(1000));
  return folder;
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const names = [...Object.keys(files), "plain"];

/** Compares hashes: the files are large, and mostly zeros. */
async function expectSameFiles(archive: string, folder: string): Promise<void> {
  const out = join(temporaryFolder(), "out");
  const entries = await extractArchive(archive, out, { signal });
  expect(entries.map(({ path, size }) => [path, size])).toEqual(
    names.map((name) => [name, readFileSync(join(folder, name)).length]),
  );
  expect(await listArchive(archive, { signal })).toMatchObject(entries);
  for (const name of names) {
    expect(sha256(readFileSync(join(out, name))), name).toBe(sha256(readFileSync(join(folder, name))));
  }
}

function pack(context: Skippable, folder: string, program: string, ...args: readonly string[]): Buffer {
  execFileSync(requireProgram(context, program), [...args, "-cf", "a.tar", ...names], { cwd: folder });
  return readFileSync(join(folder, "a.tar"));
}

const writers = [
  ["bsdtar"],
  ["bsdtar", "-z"],
  ["tar", "--format=gnu", "-S"],
  ["tar", "--format=gnu", "-S", "-z"],
  ["tar", "--format=pax", "-S"],
  ["tar", "--format=pax", "-S", "--sparse-version=0.1"],
] as const;

test.for(writers)("extract: files with holes as %s %s %s %s writes them", async ([program, ...args], context) => {
  const folder = makeFiles();
  const tar = pack(context, folder, program, ...args);
  expect(tar.length).toBeLessThan(2 * mebibyte);
  await expectSameFiles(join(folder, "a.tar"), folder);
});

test.for([["tar", "--format=gnu", "-S"], ["bsdtar"]] as const)(
  "extract: what %s wrote, in whatever pieces it comes",
  async ([program, ...args], context) => {
    const folder = makeFiles();
    const tar = pack(context, folder, program, ...args);
    for (const pieceBytes of [100, 512, 777, 1024, 65_537]) {
      const found: [string, string][] = [];
      for await (const { name, content } of readTar(inPieces(tar, pieceBytes), new Budget(defaultLimits, mebibyte))) {
        found.push([name, sha256(await collect(content))]);
      }
      const expected = names.map((name) => [name, sha256(readFileSync(join(folder, name)))]);
      expect(found, `${pieceBytes}`).toEqual(expected);
    }
  },
);

test("extract: version 0.0, whose records repeat, is refused with the way out", async (context) => {
  const folder = makeFiles();
  pack(context, folder, "tar", "--format=pax", "-S", "--sparse-version=0.0");
  const extracting = extractArchive(join(folder, "a.tar"), join(folder, "out"), { signal });
  await expect(extracting).rejects.toMatchObject({
    code: "ARCHIVE_UNSUPPORTED",
    message: expect.stringMatching(/sparse file of an unknown version/),
    hint: expect.stringMatching(/--sparse-version=1\.0/),
  });
});

/** A file of version 1.0 with this map, in whole blocks, and these bytes. */
function sparse(map: string, bytes: string, records: Readonly<Record<string, string>> = {}): RawTarEntry[] {
  const body = map.padEnd(Math.ceil(map.length / 512) * 512, "\0") + bytes;
  const common = { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "f" };
  return [
    paxEntry({ ...common, "GNU.sparse.realsize": "10", ...records }),
    { name: "GNUSparseFile.0/f", body },
    { name: "next", body: "next" },
  ];
}

describe("maps", () => {
  const block = "a".repeat(512);

  test.each([
    ["2\n3\n2\n10\n0\n", "ab", "\0\0\0ab\0\0\0\0\0"],
    ["1\n8\n2\n", "ab", "\0\0\0\0\0\0\0\0ab"],
    ["2\n0\n512\n600\n1\n", `${block}b`, `${block}${"\0".repeat(88)}b`],
    ["1\n10\n0\n", "", "\0".repeat(10)],
    ["0\n", "", ""],
  ])("%j is read", async (map, bytes, expected) => {
    const out = join(temporaryFolder(), "out");
    const records = { "GNU.sparse.realsize": `${expected.length}` };
    await extractArchive(temporaryFile(rawTar(...sparse(map, bytes, records))), out, { signal });
    expect(readFileSync(join(out, "f"), "latin1")).toBe(expected);
    expect(readFileSync(join(out, "next"), "latin1")).toBe("next");
  });

  test.each([
    ["parts that overlap", "2\n0\n2\n1\n2\n", "abcd"],
    ["parts in another order", "2\n5\n1\n0\n1\n", "ab"],
    ["a part beyond the end", "1\n9\n2\n", "ab"],
    ["fewer bytes than the map has", "1\n3\n4\n", "ab"],
    ["more bytes than the map has", "1\n3\n1\n", "ab"],
    ["a negative number", "1\n-3\n2\n", "ab"],
    ["another number format", "1\n0x3\n2\n", "ab"],
    ["a number that no program can hold", "1\n9999999999999999\n2\n", "ab"],
    ["a map without an end", "9\n1\n1\n", "ab"],
    ["a count of parts that are not there", "9999999\n".padEnd(512, "1\n"), "ab"],
  ])("%s: refused", async (_, map, bytes) => {
    await expectRefused(rawTar(...sparse(map, bytes)), "ARCHIVE_INVALID", /map that contradicts/);
  });

  // GNU tar begins each part at a block, and ends the file with the last part; bsdtar and Python do neither.
  test.each([
    ["a part of half a block in front of another", "3\n0\n1\n5\n1\n10\n0\n", "ab", /parts of broken blocks/],
    ["a hole at the end", "1\n3\n2\n", "ab", /without a part at its end/],
    ["nothing but a hole", "0\n", "", /without a part at its end/],
  ])("%s, which GNU tar reads in another way: refused", async (_, map, bytes, message) => {
    await expectRefused(rawTar(...sparse(map, bytes)), "ARCHIVE_INVALID", message);
  });

  test("a second name, which Python takes: refused, but for the name that GNU tar writes", async () => {
    const named = (path: string) => rawTar(...sparse("1\n10\n0\n", "", { "GNU.sparse.name": "d/f", path }));
    await expectRefused(named("d/evil"), "ARCHIVE_INVALID", /two names/);
    await expectRefused(named("GNUSparseFile.1/d/f"), "ARCHIVE_INVALID", /two names/);
    for (const path of ["d/f", "d/GNUSparseFile.4711/f"]) {
      const out = join(temporaryFolder(), "out");
      await extractArchive(temporaryFile(named(path)), out, { signal });
      expect(readFileSync(join(out, "d/f")).length).toBe(10);
    }
  });

  test.each([
    ["two versions in one", { "GNU.sparse.map": "0,1" }, "ARCHIVE_UNSUPPORTED", /unknown version/],
    ["a later version", { "GNU.sparse.minor": "1" }, "ARCHIVE_UNSUPPORTED", /unknown version/],
    ["a name that leads outside", { "GNU.sparse.name": "../evil" }, "ARCHIVE_UNSAFE", /leads outside/],
    [
      "a size of exabytes",
      { "GNU.sparse.realsize": "9000000000000000" },
      "ARCHIVE_TOO_LARGE",
      /like a decompression bomb/,
    ],
  ] as const)("%s: refused", async (_, records, code, message) => {
    await expectRefused(rawTar(...sparse("1\n9000000000000000\n0\n", "", records)), code, message);
  });

  test("of a link or a folder: refused", async () => {
    const [records] = sparse("", "");
    if (records === undefined) throw new TypeError("no records");
    await expectRefused(rawTar(records, { name: "l", type: "2", linkname: "x" }), "ARCHIVE_INVALID", /another type/);
    await expectRefused(rawTar(records, { name: "d/", type: "5" }), "ARCHIVE_INVALID", /another type/);
  });
});

describe("old maps", () => {
  /** The header of a sparse file of 10 bytes, with these fields of its map. */
  function oldSparse(fields: readonly (readonly [at: number, text: string])[], body: string): Buffer {
    const header = tarHeader({ name: "f", type: "S", body, magic: "ustar  \0" });
    for (const [at, text] of [[483, "00000000012"] as const, ...fields]) header.write(text, at, "latin1");
    header.write("        ", 148, "latin1");
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
    return Buffer.concat([header, Buffer.from(body.padEnd(512, "\0")), rawTar({ name: "next", body: "next" })]);
  }

  test("one part, and a hole at the end, are read", async () => {
    const tar = oldSparse(
      [
        [386, "00000000003"],
        [398, "00000000002"],
        [410, "00000000012"],
        [422, "00000000000"],
      ],
      "ab",
    );
    const out = join(temporaryFolder(), "out");
    await extractArchive(temporaryFile(tar), out, { signal });
    expect(readFileSync(join(out, "f"), "latin1")).toBe("\0\0\0ab\0\0\0\0\0");
  });

  test.each([
    [
      "a part beyond the end",
      [
        [386, "00000000011"],
        [398, "00000000002"],
      ],
      /map that contradicts/,
    ],
    ["a size without an offset", [[398, "00000000002"]], /damaged or too long/],
    [
      "no number",
      [
        [386, "x"],
        [398, "00000000002"],
      ],
      /damaged or too long/,
    ],
    [
      "a map that ends, and goes on",
      [
        [386, "00000000003"],
        [398, "00000000002"],
        [482, "\u0001"],
      ],
      /ends twice/,
    ],
  ] as const)("%s: refused", async (_, fields, message) => {
    await expectRefused(oldSparse(fields, "ab"), "ARCHIVE_INVALID", message);
  });

  test("a map without an end is refused, and is not kept", async () => {
    const full = Buffer.alloc(512, "00000000000\0");
    full[504] = 1;
    const pairs = [386, 410, 434, 458].flatMap((at) => [at, at + 12]).map((at) => [at, "00000000000"] as const);
    const header = oldSparse([...pairs, [482, "\u0001"]], "ab").subarray(0, 512);
    const tar = Buffer.concat([header, Buffer.alloc(512 * 6000, full)]);
    await expectRefused(tar, "ARCHIVE_INVALID", /damaged or too long/);
  });
});
