import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import { listArchive } from "../../src/archive/list.ts";
import { packFolder, packItems } from "../../src/archive/pack.ts";
import { readFolder } from "../../src/archive/tree-on-disk.ts";
import { temporaryFolder } from "../support/folders.ts";
import { neverAborted, treeOf } from "./folders.ts";

const gzip = { format: "gzip", level: 9 } as const;

const signal = neverAborted;
const sha256 = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** The same tree each time, made in another order, with other times and modes. */
function makeTree(isOther: boolean): string {
  const folder = temporaryFolder();
  const steps = [
    () => writeFileSync(join(folder, "b.txt"), "text", { mode: isOther ? 0o600 : 0o664 }),
    () => writeFileSync(join(folder, "bin/tool"), "#!/bin/sh\n", { mode: isOther ? 0o644 : 0o700 }),
    () => writeFileSync(join(folder, "bin/ünï"), "x"),
    () => symlinkSync("../b.txt", join(folder, "bin/link")),
    () => mkdirSync(join(folder, "empty"), { mode: isOther ? 0o700 : 0o755 }),
    () => writeFileSync(join(folder, "a-b"), ""),
    () => writeFileSync(join(folder, "n".repeat(150)), "long"),
  ];
  mkdirSync(join(folder, "bin"));
  for (const step of isOther ? steps.toReversed() : steps) step();
  if (isOther) utimesSync(join(folder, "b.txt"), 1e9, 1e9);
  return folder;
}

test.each([
  [gzip, "sha256:b4ab3cde94ac5effbaac7c486f20f9a615a847fdcabc12a9106863456f26706f"],
  [{ format: "zstd", level: 19 } as const, "sha256:1eb2eef8f66dd20b3824c5a5b160d2daf66debd3031293cd5e2d9140fb4b358a"],
  [undefined, "sha256:cbe54b42904b763a5ce87f2c1f92e9657b8c210d4ef11082a14f8258369325d4"],
])(
  "pack: the same tree gives the same bytes with %j, whatever its times, modes and order",
  async (compressor, digest) => {
    const results = [];
    for (const isOther of [false, true]) {
      const archive = join(temporaryFolder(), "packed");
      const packed = await packFolder(makeTree(isOther), archive, { root: "tool", compressor, signal });
      const bytes = readFileSync(archive);
      // The tar, and what the pinned compressors make of it, are the same everywhere: a change of them is one of the format.
      expect(packed).toEqual({
        digest: sha256(bytes),
        size: bytes.length,
        uncompressedDigest: "sha256:cbe54b42904b763a5ce87f2c1f92e9657b8c210d4ef11082a14f8258369325d4",
        uncompressedSize: 9728,
      });
      expect(packed.digest).toBe(digest);
      results.push(packed);
    }
    expect(results[0]).toEqual(results[1]);
  },
);

test("pack: the gzip header names no time", async () => {
  const archive = join(temporaryFolder(), "packed");
  await packFolder(makeTree(false), archive, { root: "tool", compressor: gzip, signal });
  expect([...readFileSync(archive).subarray(0, 8)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
});

test("pack: entries lie below the root, sorted by the bytes of their names", async () => {
  const archive = join(temporaryFolder(), "packed");
  await packFolder(makeTree(false), archive, { root: "some/tool", compressor: gzip, signal });
  expect((await listArchive(archive, { signal })).map((entry) => entry.path)).toEqual([
    "some/tool",
    "some/tool/a-b",
    "some/tool/b.txt",
    "some/tool/bin",
    "some/tool/bin/link",
    "some/tool/bin/tool",
    "some/tool/bin/ünï",
    "some/tool/empty",
    `some/tool/${"n".repeat(150)}`,
  ]);
});

test.each(["tool", "some/tool", "."])(
  "pack: what is extracted from below the root %j is the tree again",
  async (root) => {
    const folder = makeTree(false);
    chmodSync(join(folder, "b.txt"), 0o644);
    chmodSync(join(folder, "bin/tool"), 0o755);
    const archive = join(temporaryFolder(), "packed");
    await packFolder(folder, archive, { root, compressor: gzip, signal });
    const out = join(temporaryFolder(), "out");
    await extractArchive(archive, out, { stripPrefix: root === "." ? "" : root, signal });
    expect(treeOf(out)).toEqual(treeOf(folder));
  },
);

test("pack: hard links are packed as files, an empty folder as itself", async () => {
  const folder = temporaryFolder();
  const archive = join(temporaryFolder(), "packed");
  await packFolder(folder, archive, { root: "empty", compressor: gzip, signal });
  const listed = await listArchive(archive, { signal });
  expect(listed).toMatchObject([{ path: "empty", kind: "directory", mode: 0o755, size: 0 }]);
  writeFileSync(join(folder, "a"), "x");
  linkSync(join(folder, "a"), join(folder, "b"));
  const another = join(temporaryFolder(), "packed");
  await packFolder(folder, another, { root: "e", compressor: gzip, signal });
  expect((await listArchive(another, { signal })).map(({ path, kind, size }) => [path, kind, size])).toEqual([
    ["e", "directory", 0],
    ["e/a", "file", 1],
    ["e/b", "file", 1],
  ]);
});

test.each([
  ["a link that leads outside", (folder: string) => symlinkSync("../x", join(folder, "l")), /"l" that leads outside/],
  ["an absolute link", (folder: string) => symlinkSync("/etc", join(folder, "l")), /"l" links to an absolute path/],
  ["a name that Windows refuses", (folder: string) => writeFileSync(join(folder, "a:b"), ""), /"a:b" has a colon/],
  [
    "names that differ in case",
    (folder: string) => ["a", "A"].map((name) => writeFileSync(join(folder, name), "")),
    /differs/,
  ],
])("pack: %s is refused, since it could not be unpacked", async (_, make, message) => {
  const folder = temporaryFolder();
  make(folder);
  const packing = packFolder(folder, join(temporaryFolder(), "packed"), { root: "tool", compressor: gzip, signal });
  await expect(packing).rejects.toMatchObject({
    code: "USAGE_INVALID",
    exitCode: 64,
    message: expect.stringMatching(message),
  });
});

test("pack: a folder for Linux may have names that other systems cannot have, and is unpacked there", async (context) => {
  const folder = temporaryFolder();
  for (const name of ["a", "A", "a:b", "aux", "dot."]) writeFileSync(join(folder, name), name, { mode: 0o644 });
  if (readdirSync(folder).length < 5) context.skip("this file system cannot have these names");
  const archive = join(temporaryFolder(), "packed");
  const items = await readFolder(folder, signal, "unix");
  await packItems(items, folder, archive, { root: ".", compressor: gzip, signal });
  const out = join(temporaryFolder(), "out");
  await extractArchive(archive, out, { signal });
  expect(treeOf(out)).toEqual(treeOf(folder));
});

test.each(["../tool", "/tool", "a\\b", ""])("pack: the root %j is refused", async (root) => {
  const packing = packFolder(temporaryFolder(), join(temporaryFolder(), "packed"), { root, compressor: gzip, signal });
  await expect(packing).rejects.toMatchObject({ code: "USAGE_INVALID" });
});

test("pack: a folder that does not exist, or an archive that cannot be written, is an error of the file system", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "big"), Buffer.alloc(4 * 1024 ** 2));
  const missing = packFolder(join(folder, "missing"), join(folder, "packed"), {
    root: "tool",
    compressor: gzip,
    signal,
  });
  await expect(missing).rejects.toMatchObject({ exitCode: 74 });
  const unwritable = packFolder(folder, join(folder, "missing", "packed"), { root: "tool", compressor: gzip, signal });
  await expect(unwritable).rejects.toMatchObject({ exitCode: 74, message: expect.stringContaining("missing/packed") });
});

test("pack: a file that is gone before anything is written is an error, whatever is slower", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "a"), "x");
  const items = await readFolder(folder, signal);
  rmSync(join(folder, "a"));
  const packing = packItems(items, folder, join(temporaryFolder(), "packed"), { root: "t", compressor: gzip, signal });
  await expect(packing).rejects.toMatchObject({ exitCode: 74, message: expect.stringContaining("could not pack") });
});

test("pack: aborted before anything is written", async () => {
  const folder = temporaryFolder();
  for (let index = 0; index < 100; index += 1) writeFileSync(join(folder, String(index)), "x");
  const items = await readFolder(folder, signal);
  const reason = new Error("stopped");
  const abort = new AbortController();
  const options = { root: "t", compressor: undefined, signal: abort.signal };
  const packing = packItems(items, folder, join(temporaryFolder(), "packed"), options);
  abort.abort(reason);
  await expect(packing).rejects.toBe(reason);
});

test("pack: a full disk is said to be full", async (context) => {
  const disk = temporaryFolder();
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]).status !== 0)
    context.skip("a tmpfs cannot be mounted here");
  onTestFinished(() => void spawnSync("umount", ["-l", disk]));
  const folder = temporaryFolder();
  for (const name of ["a", "b", "c"]) writeFileSync(join(folder, name), randomBytes(10_000_000));
  const packing = packFolder(folder, join(disk, "packed"), { root: "t", compressor: undefined, signal });
  await expect(packing).rejects.toMatchObject({ code: "DISK_FULL" });
});

test("pack: an aborted signal ends it with the signal's own reason", async () => {
  const reason = new Error("stopped");
  const folder = temporaryFolder();
  writeFileSync(join(folder, "big"), Buffer.alloc(32 * 1024 ** 2));
  const archive = join(temporaryFolder(), "packed");
  await expect(
    packFolder(folder, archive, { root: "t", compressor: gzip, signal: AbortSignal.abort(reason) }),
  ).rejects.toBe(reason);
  const abort = new AbortController();
  const packing = packFolder(folder, archive, { root: "t", compressor: gzip, signal: abort.signal });
  while (statSync(archive, { throwIfNoEntry: false }) === undefined)
    await new Promise((resolve) => setImmediate(resolve));
  abort.abort(reason);
  await expect(packing).rejects.toBe(reason);
});
