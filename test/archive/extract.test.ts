import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import { listArchive } from "../../src/archive/list.ts";
import { temporaryFolder } from "../support/folders.ts";
import { neverAborted, temporaryFile, treeOf } from "./folders.ts";
import { gnuLong, paxEntry, rawTar } from "./raw-tar.ts";
import { rawZip } from "./raw-zip.ts";
import { rawZstd } from "./raw-zstd.ts";

const signal = neverAborted;
const elf = "\u007fELF\u0002\u0001\u0001 and so on";
const tar = rawTar(
  { name: "./", type: "5" },
  { name: "./tool-1.0/bin/tool", body: elf },
  { name: "./tool-1.0/bin/run", body: "echo", mode: 0o750 },
  { name: "./tool-1.0/include/a.proto", body: "syntax", mode: 0o600 },
  { name: "./tool-1.0/bin/alias", type: "2", linkname: "tool" },
  { name: "./tool-1.0/empty/", type: "5", mode: 0o700 },
  { name: "./LICENSE", body: "text" },
);
const zip = rawZip(
  { name: "tool-1.0/bin/tool", body: elf, method: 8 },
  { name: "tool-1.0/bin/run", body: "echo", unixMode: 0o100750 },
  { name: "tool-1.0/include/a.proto", body: "syntax", unixMode: 0o100600 },
  { name: "tool-1.0/bin/alias", body: "tool", unixMode: 0o120777 },
  { name: "tool-1.0/empty/", unixMode: 0o040700 },
  { name: "LICENSE", body: "text" },
);
const archives = { tar, "tar.gz": gzipSync(tar), "tar.zst": rawZstd({ content: tar }), zip };

const below = {
  bin: "d755",
  "bin/alias": "l tool",
  "bin/run": "f755 echo",
  "bin/tool": `f755 ${elf}`,
  empty: "d755",
  include: "d755",
  "include/a.proto": "f644 syntax",
};

describe.each(Object.entries(archives))("a %s", (_, bytes) => {
  test("extract: gives every entry with one of two modes, by the archive's mode or by the bytes", async () => {
    const out = join(temporaryFolder(), "new", "out");
    const entries = await extractArchive(temporaryFile(bytes), out, { signal });
    const prefixed = Object.fromEntries(Object.entries(below).map(([path, what]) => [`tool-1.0/${path}`, what]));
    expect(treeOf(out)).toEqual({ LICENSE: "f644 text", "tool-1.0": "d755", ...prefixed });
    expect(lstatSync(out).mode & 0o7777).toBe(0o755);
    expect(entries).toEqual([
      { path: "tool-1.0/bin/tool", kind: "file", mode: 0o755, size: elf.length },
      { path: "tool-1.0/bin/run", kind: "file", mode: 0o755, size: 4 },
      { path: "tool-1.0/include/a.proto", kind: "file", mode: 0o644, size: 6 },
      { path: "tool-1.0/bin/alias", kind: "symlink", mode: 0o777, size: 0 },
      { path: "tool-1.0/empty", kind: "directory", mode: 0o755, size: 0 },
      { path: "LICENSE", kind: "file", mode: 0o644, size: 4 },
    ]);
  });

  test("extract: with a prefix gives what lies below it, and list says the same", async () => {
    for (const stripPrefix of ["tool-1.0", "./tool-1.0/"]) {
      const out = join(temporaryFolder(), "out");
      const entries = await extractArchive(temporaryFile(bytes), out, { stripPrefix, signal });
      expect(treeOf(out)).toEqual(below);
      expect(await listArchive(temporaryFile(bytes), { stripPrefix, signal })).toMatchObject(entries);
    }
  });

  test("list: says what extract would give, and writes nothing", async () => {
    const archive = temporaryFile(bytes);
    const listed = await listArchive(archive, { signal });
    expect(readdirSync(join(archive, ".."))).toEqual(["archive"]);
    expect(listed).toMatchObject(await extractArchive(archive, join(temporaryFolder(), "out"), { signal }));
  });

  test("extract: a prefix that nothing lies below is not found, and the hint says what there is", async () => {
    const place = temporaryFolder();
    for (const stripPrefix of ["tool-2.0", "LICENSE", "tool-1.0/bin/tool", "TOOL-1.0", "tool-1"]) {
      const extracting = extractArchive(temporaryFile(bytes), join(place, "out"), { stripPrefix, signal });
      const hint = expect.stringContaining('"tool-1.0"');
      const code = stripPrefix.includes("/") || stripPrefix === "LICENSE" ? {} : { hint };
      await expect(extracting, stripPrefix).rejects.toMatchObject({ code: "FILE_NOT_FOUND", exitCode: 66, ...code });
    }
    expect(treeOf(place)).toEqual({});
  });

  test("extract: a prefix that leads outside is a wrong argument", async () => {
    const extracting = extractArchive(temporaryFile(bytes), join(temporaryFolder(), "out"), {
      stripPrefix: "../x",
      signal,
    });
    await expect(extracting).rejects.toMatchObject({ code: "USAGE_INVALID", exitCode: 64 });
  });
});

describe("prefixes and links", () => {
  test("extract: a link from below the prefix to beside it leads outside", async () => {
    const bytes = rawTar({ name: "p/l", type: "2", linkname: "../other/f" }, { name: "other/f", body: "x" });
    await extractArchive(temporaryFile(bytes), join(temporaryFolder(), "out"), { signal });
    const extracting = extractArchive(temporaryFile(bytes), join(temporaryFolder(), "out"), {
      stripPrefix: "p",
      signal,
    });
    await expect(extracting).rejects.toMatchObject({ code: "ARCHIVE_UNSAFE" });
  });

  test("extract: a hard link below the prefix finds its file there, and only there", async () => {
    const bytes = rawTar({ name: "p/f", body: "x" }, { name: "p/l", type: "1", linkname: "p/f" });
    const out = join(temporaryFolder(), "out");
    await extractArchive(temporaryFile(bytes), out, { stripPrefix: "p", signal });
    expect(treeOf(out)).toEqual({ f: "f644 x", l: "f644 x" });
    const beside = rawTar({ name: "q", body: "x" }, { name: "p/l", type: "1", linkname: "q" });
    const extracting = extractArchive(temporaryFile(beside), join(temporaryFolder(), "out"), {
      stripPrefix: "p",
      signal,
    });
    await expect(extracting).rejects.toMatchObject({
      code: "ARCHIVE_UNSAFE",
      message: expect.stringMatching(/"p\/l"/),
    });
    // Without the prefixes both are `f`: it must not be taken for the file below the prefix.
    const namesake = rawTar(
      { name: "p/f", body: "x" },
      { name: "q/f", body: "y" },
      { name: "p/l", type: "1", linkname: "q/f" },
    );
    const other = extractArchive(temporaryFile(namesake), join(temporaryFolder(), "out"), { stripPrefix: "p", signal });
    await expect(other).rejects.toMatchObject({ code: "ARCHIVE_UNSAFE" });
  });

  test("extract: what lies beside the prefix is refused all the same if its name is hostile", async () => {
    const bytes = rawTar({ name: "../evil", body: "x" }, { name: "p/f", body: "x" });
    const extracting = extractArchive(temporaryFile(bytes), join(temporaryFolder(), "out"), {
      stripPrefix: "p",
      signal,
    });
    await expect(extracting).rejects.toMatchObject({ code: "ARCHIVE_UNSAFE" });
  });
});

describe("long names", () => {
  const name = `${"folder/".repeat(30)}${"n".repeat(120)}`;
  const target = `${"t".repeat(150)}`;

  test.each([
    [
      "PAX",
      [
        paxEntry({ path: name }),
        { name: "short", body: "x" },
        paxEntry({ path: "l", linkpath: target }),
        { name: "s", type: "2", linkname: "s" },
      ],
    ],
    [
      "GNU",
      [gnuLong("L", name), { name: "short", body: "x" }, gnuLong("K", target), { name: "l", type: "2", linkname: "s" }],
    ],
  ])("extract: names and targets of more than 100 bytes work as %s writes them", async (_, entries) => {
    const out = join(temporaryFolder(), "out");
    await extractArchive(temporaryFile(rawTar(...entries)), out, { signal });
    expect(readFileSync(join(out, name), "utf8")).toBe("x");
    expect(treeOf(out).l).toBe(`l ${target}`);
  });

  test("extract: the ustar prefix field works", async () => {
    const out = join(temporaryFolder(), "out");
    await extractArchive(temporaryFile(rawTar({ name: "f", prefix: "a/b", body: "x" })), out, { signal });
    expect(treeOf(out)).toEqual({ a: "d755", "a/b": "d755", "a/b/f": "f644 x" });
  });

  test("extract: names are kept as they are spelled, in any script", async () => {
    const names = ["caf\u00e9", "e\u0301t\u00e9", "日本語", "🦬.txt", "sp ace", ".hidden", "a..b", "~", "-rf"];
    const out = join(temporaryFolder(), "out");
    await extractArchive(temporaryFile(rawTar(...names.map((name) => ({ name })))), out, { signal });
    expect(readdirSync(out).sort()).toEqual([...names].sort());
  });
});

describe("an output that is there already", () => {
  const archive = (): string =>
    temporaryFile(rawTar({ name: "d/new", body: "new" }, { name: "d/old", body: "new" }, { name: "top", body: "new" }));

  test("extract: an empty folder is filled", async () => {
    const out = temporaryFolder();
    await extractArchive(archive(), out, { signal });
    expect(treeOf(out)).toEqual({ d: "d755", "d/new": "f644 new", "d/old": "f644 new", top: "f644 new" });
  });

  test("extract: files of the archive replace those of the folder, others stay", async () => {
    const out = temporaryFolder();
    mkdirSync(join(out, "d"), { mode: 0o700 });
    writeFileSync(join(out, "d/old"), "old", { mode: 0o400 });
    writeFileSync(join(out, "d/own"), "own", { mode: 0o600 });
    await extractArchive(archive(), out, { signal });
    expect(treeOf(out)).toEqual({
      d: "d700",
      "d/new": "f644 new",
      "d/old": "f644 new",
      "d/own": "f600 own",
      top: "f644 new",
    });
    await extractArchive(archive(), out, { signal });
    expect(Object.keys(treeOf(out))).toHaveLength(5);
  });

  test("extract: a link in the place of a file is replaced, not written through", async () => {
    const place = temporaryFolder();
    const out = join(place, "out");
    mkdirSync(out);
    writeFileSync(join(place, "victim"), "untouched");
    symlinkSync(join(place, "victim"), join(out, "top"));
    await extractArchive(archive(), out, { signal });
    expect(treeOf(place)).toMatchObject({ victim: "f644 untouched", "out/top": "f644 new" });
  });

  test("extract: a link in the place of a folder is refused, and nothing is moved", async () => {
    const place = temporaryFolder();
    const out = join(place, "out");
    mkdirSync(out);
    mkdirSync(join(place, "victim"));
    symlinkSync(join(place, "victim"), join(out, "d"));
    const before = treeOf(place);
    await expect(extractArchive(archive(), out, { signal })).rejects.toMatchObject({
      code: "LOCAL_IO",
      message: expect.stringMatching(/out\/d" is a link/),
      hint: expect.stringMatching(/remove "d"/),
    });
    expect(treeOf(place)).toEqual(before);
  });

  test("extract: a folder in the place of a file, or a file in that of a folder, is refused and nothing is moved", async () => {
    for (const make of [
      (out: string) => mkdirSync(join(out, "top")),
      (out: string) => writeFileSync(join(out, "d"), ""),
    ]) {
      const out = temporaryFolder();
      make(out);
      const before = treeOf(out);
      await expect(extractArchive(archive(), out, { signal })).rejects.toMatchObject({
        code: "LOCAL_IO",
        exitCode: 74,
      });
      expect(treeOf(out)).toEqual(before);
    }
  });

  test("extract: a link to a folder that the caller names is followed", async () => {
    const place = temporaryFolder();
    mkdirSync(join(place, "real"));
    symlinkSync("real", join(place, "out"));
    await extractArchive(archive(), join(place, "out"), { signal });
    expect(treeOf(place)).toMatchObject({ out: "l real", "real/top": "f644 new" });
  });

  test("extract: several at once into one new folder all succeed", async () => {
    const place = temporaryFolder();
    const path = archive();
    await Promise.all(Array.from({ length: 8 }, () => extractArchive(path, join(place, "out"), { signal })));
    expect(treeOf(place)).toEqual({
      out: "d755",
      "out/d": "d755",
      "out/d/new": "f644 new",
      "out/d/old": "f644 new",
      "out/top": "f644 new",
    });
  });
});
