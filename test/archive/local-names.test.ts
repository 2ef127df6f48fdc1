/** Names that Linux can have and other systems cannot: the system of the output decides, and nothing is overwritten. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { foldName, windowsFault } from "../../src/archive/entry-path.ts";
import { extractArchive } from "../../src/archive/extract.ts";
import { listArchive } from "../../src/archive/list.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram, type Skippable } from "../support/peers.ts";
import { neverAborted, temporaryFile, treeOf } from "./folders.ts";
import { paxEntry, type RawTarEntry, rawTar } from "./raw-tar.ts";
import { rawZip } from "./raw-zip.ts";
import { expectRefused } from "./refused.ts";

const signal = neverAborted;

const windowsNames = [
  "C:/tool",
  "c:tool",
  "x:ads",
  "man3/File::Spec.3pm",
  "NUL",
  "nul",
  "dir/Aux.h",
  "CON .txt",
  "com1",
  "LPT9.tar.gz",
  "COM²",
  "CONOUT$",
  "dot.",
  "space ",
  "dir./tool",
  ".../tool",
  "what?",
  "a<b>c",
];

const twins = [
  ["Tool", "tool"],
  ["dir/Tool", "dir/tOOL"],
  ["Dir/a", "dir/b"],
  ["caf\u00e9", "cafe\u0301"],
  ["CAF\u00c9", "cafe\u0301"],
  ["stra\u00dfe", "STRASSE"],
  ["stra\u1e9ee", "STRASSE"],
  ["\u1e9e", "\u00df"],
  // Marks in another order: equal only if names are decomposed before their case is folded.
  ["\u1fb4", "\u03b1\u0345\u0301"],
  ["\u212aelvin", "kelvin"],
  ["to\u200col", "tool"],
] as const;

/** Skips the test where the file system of the tests is not as Linux's usual ones. */
function requireNames(context: Skippable, ...names: readonly string[]): void {
  const folder = temporaryFolder();
  for (const name of names) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), name);
  }
  const has = names.every((name) => readdirSync(join(folder, name, "..")).includes(name.split("/").at(-1) ?? ""));
  const count = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile()).length;
  if (!has || count !== names.length) context.skip("this file system cannot have these names");
}

const writers = {
  tar: (...names: readonly string[]) =>
    rawTar(...names.flatMap((name): RawTarEntry[] => [paxEntry({ path: name }), { name: "short", body: name }])),
  zip: (...names: readonly string[]) => rawZip(...names.map((name) => ({ name, body: name }))),
};

/** Files of an unpacked tree, by their paths. */
function filesOf(tree: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).filter(([, what]) => what.startsWith("f")));
}

describe.each(Object.entries(writers))("in a %s", (_, write) => {
  test.for(windowsNames)("%j is a name like any other", async (name, context) => {
    requireNames(context, name);
    expect(windowsFault(name.split("/").find((part) => windowsFault(part) !== undefined) ?? "")).toBeDefined();
    const archive = temporaryFile(write(name));
    const out = join(temporaryFolder(), "out");
    await extractArchive(archive, out, { signal });
    expect(filesOf(treeOf(out))).toEqual({ [name]: `f644 ${Buffer.from(name).toString("latin1")}` });
    expect((await listArchive(archive, { signal })).map(({ path }) => path)).toEqual([name]);
  });

  test.for(twins)("%j and %j are two files, in a new folder and in an old one", async ([first, second], context) => {
    requireNames(context, first, second);
    expect(foldName(first.split("/")[0] ?? "")).toBe(foldName(second.split("/")[0] ?? ""));
    const out = join(temporaryFolder(), "out");
    for (let time = 0; time < 2; time += 1) {
      await extractArchive(temporaryFile(write(first, second)), out, { signal });
      const files = Object.values(filesOf(treeOf(out)));
      expect(files.sort()).toEqual(
        [first, second].map((name) => `f644 ${Buffer.from(name).toString("latin1")}`).sort(),
      );
    }
  });
});

test("what GNU tar packs of a folder with twins and a manual of Perl is unpacked", async (context) => {
  const names = ["include/xt_TCPMSS.h", "include/xt_tcpmss.h", "man/man3/File::Spec.3pm"];
  requireNames(context, ...names);
  const folder = temporaryFolder();
  for (const name of names) {
    mkdirSync(join(folder, "t", name, ".."), { recursive: true });
    writeFileSync(join(folder, "t", name), name, { mode: 0o644 });
  }
  execFileSync(requireProgram(context, "tar"), ["-czf", "a.tar.gz", "t"], { cwd: folder });
  for (let time = 0; time < 2; time += 1) {
    const ran = await oras(["extract", "a.tar.gz", "-o", "out", "--strip-prefix", "t"], { cwd: folder });
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
    expect(treeOf(join(folder, "out"))).toEqual(treeOf(join(folder, "t")));
  }
  expect(readdirSync(join(folder, "out/include")).sort()).toEqual(["xt_TCPMSS.h", "xt_tcpmss.h"]);
});

test("push: a folder with such names is taken for Linux, and refused for other systems and for all", async (context) => {
  requireNames(context, "t/a:b", "t/A", "t/a");
  const folder = temporaryFolder();
  mkdirSync(join(folder, "t"));
  for (const name of ["a:b", "A", "a"]) writeFileSync(join(folder, "t", name), name);
  const push = (tag: string, ...args: string[]) => oras(["push", `oci:lay:${tag}`, ...args], { cwd: folder });
  const refused = { exitCode: 64, stderr: expect.stringMatching(/"A?a?(?::b)?" (?:has a colon|differs)/i) };
  expect(await push("all", "t")).toMatchObject(refused);
  expect(await push("mac", "--platform", "darwin-arm64=t")).toMatchObject(refused);
  const pushed = await push("linux", "--platform", "linux-x86_64=t");
  expect(pushed, pushed.stderr).toMatchObject({ exitCode: 0 });
  const args = ["pull", "oci:lay:linux", "--platform", "linux-x86_64", "-o", "out", "--cache-dir", "cache"];
  const pulled = await oras(args, { cwd: folder });
  expect(pulled, pulled.stderr).toMatchObject({ exitCode: 0 });
  expect(readdirSync(join(folder, "out/t")).sort()).toEqual(["A", "a", "a:b"]);
});

describe("links and twins", () => {
  const link = (name: string, linkname: string): RawTarEntry => ({ name, type: "2", linkname });

  test("a file below a folder whose twin is a link does not go through the link", async (context) => {
    requireNames(context, "Dir", "dir");
    const bytes = rawTar(link("Dir", "real"), { name: "real/a", body: "a" }, { name: "dir/a", body: "b" });
    const out = join(temporaryFolder(), "out");
    await extractArchive(temporaryFile(bytes), out, { signal });
    expect(filesOf(treeOf(out))).toEqual({ "dir/a": "f644 b", "real/a": "f644 a" });
  });

  test("a link that leads outside through the other spelling of a link is refused", async () => {
    await expectRefused(rawTar(link("a/Up", ".."), link("a/evil", "UP/../x")), "ARCHIVE_UNSAFE", /leads outside/);
  });

  test("a hard link finds the file of its own spelling", async (context) => {
    requireNames(context, "Tool", "tool");
    const bytes = rawTar(
      { name: "Tool", body: "1" },
      { name: "tool", body: "2" },
      { name: "l", type: "1", linkname: "tool" },
    );
    const out = join(temporaryFolder(), "out");
    await extractArchive(temporaryFile(bytes), out, { signal });
    expect(treeOf(out)).toEqual({ Tool: "f644 1", l: "f644 2", tool: "f644 2" });
    await expectRefused(
      rawTar({ name: "Tool", body: "1" }, { name: "l", type: "1", linkname: "tool" }),
      "ARCHIVE_UNSAFE",
      /not an earlier file/,
    );
  });
});

test("an archive with `.GIT` is kept out of a folder that is there, in any spelling", async () => {
  const out = temporaryFolder();
  const extracting = extractArchive(temporaryFile(rawTar({ name: ".GIT/config", body: "x" })), out, { signal });
  await expect(extracting).rejects.toMatchObject({ code: "ARCHIVE_UNSAFE" });
  expect(existsSync(join(out, ".GIT"))).toBe(false);
});
