/** Archives that state an entry twice, as scripts that append make them; and hard links to symbolic links. */
import { execFileSync } from "node:child_process";
import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import { listArchive } from "../../src/archive/list.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { neverAborted, temporaryFile, treeOf } from "./folders.ts";
import { type RawTarEntry, rawTar } from "./raw-tar.ts";
import { rawZip } from "./raw-zip.ts";
import { expectRefused } from "./refused.ts";

const signal = neverAborted;

async function unpacked(archive: string): Promise<Record<string, string>> {
  const out = join(temporaryFolder(), "out");
  const entries = await extractArchive(archive, out, { signal });
  expect(await listArchive(archive, { signal })).toMatchObject(entries);
  expect(new Set(entries.map(({ path }) => path)).size).toBe(entries.length);
  return treeOf(out);
}

function makeTree(): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "t/.bin"), { recursive: true });
  writeFileSync(join(folder, "t/tool"), "#!/bin/sh\n");
  chmodSync(join(folder, "t/tool"), 0o755);
  linkSync(join(folder, "t/tool"), join(folder, "t/twin"));
  writeFileSync(join(folder, "t/big"), Buffer.alloc(1024 ** 2, "0123456789"));
  chmodSync(join(folder, "t/big"), 0o644);
  symlinkSync("../tool", join(folder, "t/.bin/tool"));
  // Node's `link` follows links on some systems.
  execFileSync("ln", ["-P", join(folder, "t/.bin/tool"), join(folder, "t/.bin/other")]);
  return folder;
}

describe.each(["tar", "bsdtar"])("%s", (program) => {
  test("extract: a hard link to a symbolic link is unpacked as the program does", async (context) => {
    const folder = makeTree();
    execFileSync(requireProgram(context, program), ["-cf", "a.tar", "t"], { cwd: folder });
    const listing = execFileSync("tar", ["-tvf", "a.tar"], { cwd: folder, encoding: "utf8" });
    expect(listing).toMatch(/t\/\.bin\/\w+ link to t\/\.bin\/\w+/);
    const tree = await unpacked(join(folder, "a.tar"));
    expect(tree).toEqual({ t: "d755", ...prefixed(treeOf(join(folder, "t"))) });
  });

  test("extract: what is appended again, unchanged, is unpacked once", async (context) => {
    const folder = makeTree();
    const run = (...args: string[]) => execFileSync(requireProgram(context, program), args, { cwd: folder });
    run("-cf", "a.tar", "t");
    run("-rf", "a.tar", "t/tool", "t/big", "t/.bin/tool", "t");
    expect(await unpacked(join(folder, "a.tar"))).toEqual({ t: "d755", ...prefixed(treeOf(join(folder, "t"))) });
  });

  test("extract: what is appended after a change is refused", async (context) => {
    const folder = makeTree();
    const run = (...args: string[]) => execFileSync(requireProgram(context, program), args, { cwd: folder });
    run("-cf", "a.tar", "t");
    writeFileSync(join(folder, "t/big"), "other");
    run("-rf", "a.tar", "t/big");
    const extracting = extractArchive(join(folder, "a.tar"), join(folder, "out"), { signal });
    await expect(extracting).rejects.toMatchObject({
      code: "ARCHIVE_UNSAFE",
      message: expect.stringMatching(/entry "t\/big" is in the archive twice: the two files "t\/big" differ/),
    });
  });
});

function prefixed(tree: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).map(([path, what]) => [`t/${path}`, what]));
}

test("extract: a file that Python's zipfile wrote twice is unpacked once", async (context) => {
  const script = `
import warnings, zipfile
warnings.simplefilter("ignore")
with zipfile.ZipFile("a.zip", "w", zipfile.ZIP_DEFLATED) as z:
    for name in ("t/a", "t/b", "t/a"): z.writestr(name, "x" * 100000)
`;
  const folder = temporaryFolder();
  execFileSync(requireProgram(context, "python3"), ["-c", script], { cwd: folder });
  const body = `f644 ${"x".repeat(100_000)}`;
  expect(await unpacked(join(folder, "a.zip"))).toEqual({ t: "d755", "t/a": body, "t/b": body });
});

describe("entries of one path", () => {
  const file = { name: "a", body: "x" };
  const hardLink = (name: string, linkname: string): RawTarEntry => ({ name, type: "1", linkname });
  const link = (name: string, linkname: string): RawTarEntry => ({ name, type: "2", linkname });

  test.each([
    ["other bytes", [file, { ...file, body: "y" }]],
    ["another length", [file, { ...file, body: "xx" }]],
    ["another mode", [file, { ...file, mode: 0o755 }]],
    ["other bytes at the third time", [file, file, { ...file, body: "y" }]],
    ["other bytes at the second time", [file, { ...file, body: "y" }, file]],
    ["another type", [file, link("a", "b")]],
    ["another target", [link("a", "b"), link("a", "./b")]],
    ["a hard link to another file", [file, { ...file, name: "b" }, hardLink("a", "b")]],
    ["a file after a hard link", [file, hardLink("b", "a"), { ...file, name: "b", body: "y" }]],
    ["a folder", [file, { name: "a/", type: "5" }]],
  ] as const)("%s: refused", async (_, entries) => {
    await expectRefused(rawTar(...entries), "ARCHIVE_UNSAFE", /twice|lies below/);
    await expectRefused(rawTar(...entries, { name: "fine" }), "ARCHIVE_UNSAFE", /twice|lies below/);
  });

  test.each([
    ["the same file three times, spelled differently", [file, { ...file, name: "./a" }, file], { a: "f644 x" }],
    ["the same links", [file, link("l", "a"), hardLink("h", "a"), link("l", "a"), hardLink("h", "./a")], undefined],
    [
      "a hard link to itself",
      [file, link("l", "a"), hardLink("h", "a"), hardLink("h", "h"), hardLink("l", "l")],
      undefined,
    ],
  ] as const)("%s: fine", async (_, entries, tree) => {
    expect(await unpacked(temporaryFile(rawTar(...entries)))).toEqual(tree ?? { a: "f644 x", h: "f644 x", l: "l a" });
  });

  test("below a prefix, other paths do not count", async () => {
    const bytes = rawTar(file, { ...file, name: "p/a", body: "y" }, { ...file, name: "p/a", body: "y" });
    const out = join(temporaryFolder(), "out");
    await extractArchive(temporaryFile(bytes), out, { stripPrefix: "p", signal });
    expect(treeOf(out)).toEqual({ a: "f644 y" });
  });

  test("in a zip, other bytes are refused, and a damaged repetition is", async () => {
    await expectRefused(rawZip({ name: "a", body: "x" }, { name: "a", body: "y" }), "ARCHIVE_UNSAFE", /twice/);
    const damaged = rawZip({ name: "a", body: "first" }, { name: "a", body: "first" });
    damaged[damaged.lastIndexOf("first")] = 0;
    await expectRefused(damaged, "ARCHIVE_INVALID", /CRC-32/);
  });
});
