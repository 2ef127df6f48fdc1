import { existsSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import { packFolder } from "../../src/archive/pack.ts";
import { OrasClientError } from "../../src/errors.ts";
import { temporaryFolder } from "../support/folders.ts";
import { seed } from "../support/property.ts";
import { makeTree, tree } from "../support/trees.ts";
import { neverAborted, treeOf } from "./folders.ts";
import { paxEntry, type RawTarEntry, rawTar } from "./raw-tar.ts";
import { rawZip } from "./raw-zip.ts";

const gzip = { format: "gzip", level: 9 } as const;

const signal = neverAborted;

/** Parts of names that have led archives outside, among harmless ones that let them meet. */
const part = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "b", "A", "dir", "link", "é", "e\u0301") },
  { weight: 4, arbitrary: fc.constantFrom("..", ".", "", "...", " ", "NUL", "c:", "x:y", "a\\..\\b", "\0", "~") },
  { weight: 1, arbitrary: fc.string({ maxLength: 4 }) },
);
const hostileName = fc
  .tuple(
    fc.constantFrom("", "", "", "/", "./", "../", "C:/", "\\\\host\\"),
    fc.array(part, { minLength: 1, maxLength: 5 }),
  )
  .map(([start, parts]) => start + parts.join("/"));
const harmlessName = fc
  .array(fc.constantFrom("a", "b", "A", "dir", "link"), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join("/"));
/** Mostly harmless, or no archive would come as far as its links. */
const name = fc.oneof({ weight: 5, arbitrary: harmlessName }, { weight: 1, arbitrary: hostileName });
const kind = fc.constantFrom("0", "0", "2", "2", "1", "5");
const hostileEntries = fc.array(fc.record({ name, kind, target: name }), { minLength: 1, maxLength: 8 });

function asTar(entries: readonly { name: string; kind: string; target: string }[]): Buffer {
  return rawTar(
    ...entries.flatMap(({ name, kind, target }): RawTarEntry[] => [
      paxEntry({ path: name, linkpath: target }),
      { name: "pax", type: kind, linkname: "pax", body: kind === "0" ? "evil" : "" },
    ]),
  );
}

function asZip(entries: readonly { name: string; kind: string; target: string }[]): Buffer {
  return rawZip(
    ...entries.map(({ name, kind, target }) =>
      kind === "2" ? { name, body: target, unixMode: 0o120777 } : { name, body: name.endsWith("/") ? "" : "evil" },
    ),
  );
}

/** @returns Whether the archive was unpacked; fails if anything but the output has changed. */
async function staysInside(bytes: Uint8Array): Promise<boolean> {
  const place = realpathSync.native(temporaryFolder());
  const out = join(place, "inside", "out");
  mkdirSync(join(place, "inside"));
  writeFileSync(join(place, "outside.txt"), "untouched");
  writeFileSync(join(place, "archive"), bytes);
  const before = treeOf(place);
  let isUnpacked = true;
  try {
    await extractArchive(join(place, "archive"), out, { signal });
  } catch (error) {
    expect(error).toBeInstanceOf(OrasClientError);
    expect(error).toMatchObject({ exitCode: 65 });
    isUnpacked = false;
  }
  const after = treeOf(place);
  const links = Object.entries(after).filter(([, what]) => what.startsWith("l "));
  for (const [path] of links) {
    // Natively: in JavaScript Node resolves `..` behind a link as text.
    const leadsTo = existsSync(join(place, path)) ? realpathSync.native(join(place, path)) : out;
    expect(leadsTo === out || leadsTo.startsWith(`${out}/`), `${path} leads to ${leadsTo}`).toBe(true);
  }
  const rest = Object.entries(after).filter(([path]) => path !== "inside/out" && !path.startsWith("inside/out/"));
  expect(Object.fromEntries(rest)).toEqual(before);
  expect(existsSync(out)).toBe(isUnpacked);
  return isUnpacked;
}

test.each([
  ["tar", asTar],
  ["zip", asZip],
])("extract: no names, targets and kinds of a %s write or lead outside", async (_, write) => {
  let unpacked = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(hostileEntries, async (entries) => {
      if (await staysInside(write(entries))) unpacked += 1;
      else refused += 1;
    }),
    { numRuns: 400, seed },
  );
  // Both must happen, or the property says nothing.
  expect(unpacked).toBeGreaterThan(10);
  expect(refused).toBeGreaterThan(10);
});

test("extract: links among harmless names, in any order, never lead outside", async () => {
  const step = fc.constantFrom("a", "b", "c", "..", "..", ".");
  const path = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  const target = fc.array(step, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/"));
  let unpacked = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ path, target }), { minLength: 1, maxLength: 6 }), async (links) => {
      const entries = links.map(({ path, target }) => ({ name: path, type: "2", linkname: target }));
      if (await staysInside(rawTar(...entries))) unpacked += 1;
    }),
    { numRuns: 400, seed },
  );
  expect(unpacked).toBeGreaterThan(10);
});

test("extract: any bytes in the place of some of an archive's end in an error of ours, or in a whole tree", async () => {
  const entries = [
    { name: "a", body: "text ".repeat(200) },
    { name: "d/b", body: "x" },
  ];
  const archives = [
    rawTar(...entries),
    gzipSync(rawTar(...entries)),
    rawZip(...entries.map((entry) => ({ ...entry, method: 8 }))),
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...archives),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
      async (archive, changes) => {
        const damaged = Buffer.from(archive);
        for (const [offset, byte] of changes) damaged.writeUInt8(byte, offset % damaged.length);
        await staysInside(damaged);
      },
    ),
    { numRuns: 400, seed },
  );
});

test("pack: extract gives any tree back", async () => {
  let entries = 0;
  await fc.assert(
    fc.asyncProperty(
      tree,
      fc.constantFrom(gzip, { format: "zstd", level: 3 } as const, undefined),
      async (content, compressor) => {
        const place = temporaryFolder();
        mkdirSync(join(place, "in"));
        makeTree(join(place, "in"), content);
        try {
          await packFolder(join(place, "in"), join(place, "packed"), { root: "some/root", compressor, signal });
        } catch (error) {
          // Random links may go in circles: `a` to `b`, `b` to `a`.
          expect(error).toMatchObject({ code: "USAGE_INVALID", message: expect.stringMatching(/circle/) });
          return;
        }
        await extractArchive(join(place, "packed"), join(place, "out"), { stripPrefix: "some/root", signal });
        expect(treeOf(join(place, "out"))).toEqual(treeOf(join(place, "in")));
        entries += Object.keys(treeOf(join(place, "in"))).length;
      },
    ),
    { numRuns: 200, seed },
  );
  expect(entries).toBeGreaterThan(200);
});
