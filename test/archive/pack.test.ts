import { createHash } from "node:crypto";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import { listArchive } from "../../src/archive/list.ts";
import { packFolder } from "../../src/archive/pack.ts";
import { temporaryFolder } from "../support/folders.ts";
import { neverAborted, treeOf } from "./folders.ts";

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

test("pack: the same tree gives the same bytes, whatever its times, modes and order", async () => {
  const results = [];
  for (const isOther of [false, true]) {
    const archive = join(temporaryFolder(), "packed");
    const packed = await packFolder(makeTree(isOther), archive, { root: "tool", signal });
    const bytes = readFileSync(archive);
    expect(packed).toEqual({
      digest: sha256(bytes),
      size: bytes.length,
      uncompressedDigest: sha256(gunzipSync(bytes)),
    });
    results.push(packed);
  }
  expect(results[0]).toEqual(results[1]);
  // The tar, not the gzip around it, is the same for every version of zlib: a change of it is a change of the format.
  expect(results[0]?.uncompressedDigest).toBe(
    "sha256:cbe54b42904b763a5ce87f2c1f92e9657b8c210d4ef11082a14f8258369325d4",
  );
});

test("pack: the gzip header names neither a time nor a system", async () => {
  const archive = join(temporaryFolder(), "packed");
  await packFolder(makeTree(false), archive, { root: "tool", signal });
  expect([...readFileSync(archive).subarray(3, 10)]).toEqual([0, 0, 0, 0, 0, 0, 255]);
});

test("pack: entries lie below the root, sorted by the bytes of their names", async () => {
  const archive = join(temporaryFolder(), "packed");
  await packFolder(makeTree(false), archive, { root: "some/tool", signal });
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
    await packFolder(folder, archive, { root, signal });
    const out = join(temporaryFolder(), "out");
    await extractArchive(archive, out, { stripPrefix: root === "." ? "" : root, signal });
    expect(treeOf(out)).toEqual(treeOf(folder));
  },
);

test("pack: hard links are packed as files, an empty folder as itself", async () => {
  const folder = temporaryFolder();
  const archive = join(temporaryFolder(), "packed");
  await packFolder(folder, archive, { root: "empty", signal });
  expect(await listArchive(archive, { signal })).toEqual([{ path: "empty", kind: "directory", mode: 0o755, size: 0 }]);
  writeFileSync(join(folder, "a"), "x");
  linkSync(join(folder, "a"), join(folder, "b"));
  await packFolder(folder, archive, { root: "e", signal });
  expect((await listArchive(archive, { signal })).map(({ path, kind, size }) => [path, kind, size])).toEqual([
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
  const packing = packFolder(folder, join(temporaryFolder(), "packed"), { root: "tool", signal });
  await expect(packing).rejects.toMatchObject({
    code: "USAGE_INVALID",
    exitCode: 64,
    message: expect.stringMatching(message),
  });
});

test.each(["../tool", "/tool", "a\\b", ""])("pack: the root %j is refused", async (root) => {
  const packing = packFolder(temporaryFolder(), join(temporaryFolder(), "packed"), { root, signal });
  await expect(packing).rejects.toMatchObject({ code: "USAGE_INVALID" });
});

test("pack: a folder that does not exist, or an archive that cannot be written, is an error of the file system", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "big"), Buffer.alloc(4 * 1024 ** 2));
  const missing = packFolder(join(folder, "missing"), join(folder, "packed"), { root: "tool", signal });
  await expect(missing).rejects.toMatchObject({ exitCode: 74 });
  const unwritable = packFolder(folder, join(folder, "missing", "packed"), { root: "tool", signal });
  await expect(unwritable).rejects.toMatchObject({ exitCode: 74, message: expect.stringContaining("missing/packed") });
});

test("pack: an aborted signal ends it with the signal's own reason", async () => {
  const reason = new Error("stopped");
  const folder = temporaryFolder();
  writeFileSync(join(folder, "big"), Buffer.alloc(32 * 1024 ** 2));
  const archive = join(temporaryFolder(), "packed");
  await expect(packFolder(folder, archive, { root: "t", signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  const abort = new AbortController();
  const packing = packFolder(folder, archive, { root: "t", signal: abort.signal });
  while (statSync(archive, { throwIfNoEntry: false }) === undefined)
    await new Promise((resolve) => setImmediate(resolve));
  abort.abort(reason);
  await expect(packing).rejects.toBe(reason);
});
