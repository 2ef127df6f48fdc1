import { describe, expect, test } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import { temporaryFolder } from "../support/folders.ts";
import { neverAborted, temporaryFile, treeOf } from "./folders.ts";
import { paxEntry, rawTar } from "./raw-tar.ts";
import { rawZip } from "./raw-zip.ts";
import { expectRefused } from "./refused.ts";

/** A file of that name, in each kind of archive; PAX names may hold anything, ustar names end at a NUL. */
const writers: Readonly<Record<string, (name: string) => Buffer>> = {
  tar: (name) => rawTar({ name: "fine", body: "x" }, { name, body: "evil" }),
  "tar with PAX names": (name) =>
    rawTar({ name: "fine", body: "x" }, paxEntry({ path: name }), { name: "short", body: "evil" }),
  // With a slash beside them, backslashes separate nothing.
  zip: (name) => rawZip({ name: "fine/x", body: "x" }, { name, body: "evil" }),
};

const hostileNames: readonly (readonly [name: string, why: RegExp])[] = [
  ["../evil", /leads outside with `\.\.`/],
  ["a/../../evil", /leads outside with `\.\.`/],
  ["a/..", /leads outside with `\.\.`/],
  ["..", /leads outside with `\.\.`/],
  ["/etc/evil", /absolute path/],
  ["//server/share/evil", /absolute path/],
  ["..\\evil", /backslash/],
  ["\\evil", /backslash/],
  ["a\\b", /backslash/],
  ["ev\u001bil", /control character/],
  ["ev\nil", /control character/],
  [`${"n".repeat(256)}`, /more than 255 bytes/],
];

for (const [kind, write] of Object.entries(writers)) {
  describe(`names in ${kind}`, () => {
    const fitting = hostileNames.filter(([name]) => kind !== "tar" || name.length <= 100);
    test.each(fitting)("extract: an entry named %j is refused and nothing is written", async (name, why) => {
      await expectRefused(write(name), "ARCHIVE_UNSAFE", why);
    });
  });
}

test.each(["tar with PAX names", "zip"])("extract: a NUL in a name of a %s is refused", async (kind) => {
  await expectRefused(writers[kind]?.("ev\0il") ?? Buffer.alloc(0), "ARCHIVE_UNSAFE", /control character/);
});

test.each(["tar", "zip"])("extract: an empty name in a %s is refused", async (kind) => {
  await expectRefused(writers[kind]?.("") ?? Buffer.alloc(0), "ARCHIVE_UNSAFE", /nothing/);
});

test.each(["tar", "zip"])("extract: a file in place of the root of a %s is refused", async (kind) => {
  await expectRefused(writers[kind]?.(".") ?? Buffer.alloc(0), "ARCHIVE_UNSAFE", /replaces the output folder/);
});

test("extract: a name that is not UTF-8 is refused", async () => {
  await expectRefused(rawTar({ name: Buffer.from([0x61, 0xff]) }), "ARCHIVE_UNSAFE", /not UTF-8/);
  await expectRefused(rawZip({ name: Buffer.from([0x61, 0xff]) }), "ARCHIVE_UNSAFE", /not UTF-8/);
});

test("extract: a folder with a hostile name is refused like a file", async () => {
  await expectRefused(rawTar({ name: "../evil/", type: "5" }), "ARCHIVE_UNSAFE", /leads outside/);
  await expectRefused(rawZip({ name: "../evil/" }), "ARCHIVE_UNSAFE", /leads outside/);
});

test("extract: bytes under the name of a folder are refused", async () => {
  await expectRefused(rawTar({ name: "folder/", body: "x" }), "ARCHIVE_INVALID", /name of a folder/);
  await expectRefused(rawTar({ name: "link/", type: "2", linkname: "x" }), "ARCHIVE_INVALID", /name of a folder/);
  await expectRefused(rawZip({ name: "folder/", body: "x" }), "ARCHIVE_INVALID", /name of a folder/);
});

test("extract: the ustar prefix field is part of the name", async () => {
  await expectRefused(rawTar({ name: "evil", prefix: ".." }), "ARCHIVE_UNSAFE", /leads outside/);
});

test("extract: a global PAX header cannot name files", async () => {
  const tar = rawTar(paxEntry({ path: "../evil" }, "g"), { name: "fine", body: "x" });
  await expectRefused(tar, "ARCHIVE_INVALID", /one path or size for all entries/);
});

test("extract: control characters of a name come out as escapes", async () => {
  const archive = temporaryFile(rawTar({ name: "a\u001b[31m\u202e/x" }));
  await expect(extractArchive(archive, `${temporaryFolder()}/out`, { signal: neverAborted })).rejects.toSatisfy(
    (error: Error) => error.message.includes("a\\u001b[31m\\u202e/x") && !/\p{Cc}|\p{Cf}/u.test(error.message),
  );
});

const collisions: readonly (readonly [first: string, second: string, why: RegExp])[] = [
  ["a", "a/b", /lies below "a"/],
  ["a/b", "a", /twice/],
];

function withBody(name: string): { name: string; body: string } {
  return { name, body: name.endsWith("/") ? "" : name };
}

for (const [kind, write] of [
  ["tar", (...names: string[]) => rawTar(...names.map(withBody))],
  ["zip", (...names: string[]) => rawZip(...names.map(withBody))],
] as const) {
  test.each(collisions)(`extract: %j beside %j in a ${kind} is refused`, async (first, second, why) => {
    await expectRefused(write(first, second), "ARCHIVE_UNSAFE", why);
  });

  test(`extract: a folder of a ${kind} may be stated twice, and after what is in it`, async () => {
    const archive = temporaryFile(write("d/a", "d/", "d/", "./d/./b"));
    const out = `${temporaryFolder()}/out`;
    await extractArchive(archive, out, { signal: neverAborted });
    expect(treeOf(out)).toEqual({ d: "d755", "d/a": "f644 d/a", "d/b": "f644 ./d/./b" });
  });
}
