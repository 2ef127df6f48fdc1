/** Whatever lies in a cache folder, nothing but the store's own goes. */
import { lstatSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openStore } from "../../src/store/file-store.ts";
import { noSignal, testContext } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";
import { put } from "../support/store.ts";

const hex = "ab".repeat(32);
/** Names of the store, and names that are nearly such. */
const name = fc.oneof(
  fc.constantFrom("oras", "metadata", "tmp", "locks", "cleared", "version", "CACHEDIR.TAG", "ab", "aB", "abc"),
  fc.constantFrom(hex, hex.toUpperCase(), `${hex}x`, hex.slice(1), `${hex}.lock`, `${hex}-0123456789abcdef.partial`),
  fc.constantFrom("content-0123456789abcdef", "metadata-0123456789abcdef", "content-x", "a-0123456789ab.json", "x"),
);
const entry = fc.record({
  path: fc.array(name, { minLength: 1, maxLength: 4 }),
  kind: fc.constantFrom("file", "folder", "link to a folder", "link to a file", "dangling link"),
});

const own =
  /^oras\/([0-9a-f]{2})\/\1[0-9a-f]{62}$|^tmp\/(?:content|metadata)-[0-9a-f]{16}$|^tmp\/[0-9a-f]{64}-[0-9a-f]{16}\.partial$/;
const ownLock = /^locks\/[0-9a-f]{64}\.lock$/;

function treeOf(root: string, below = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const one of readdirSync(join(root, below))) {
    const path = below === "" ? one : `${below}/${one}`;
    const stats = lstatSync(join(root, path));
    found.set(path, stats.isDirectory() ? "folder" : stats.isSymbolicLink() ? "link" : "file");
    if (stats.isDirectory()) for (const [inner, kind] of treeOf(root, path)) found.set(inner, kind);
  }
  return found;
}

test("clear: of a random tree of files, links and folders only the store's own names go, and nothing outside", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { maxLength: 25 }),
      fc.constantFrom(undefined, 0, 10),
      fc.boolean(),
      async (entries, maxTotalBytes, isRetention) => {
        const place = temporaryFolder();
        const outside = join(place, "outside");
        mkdirSync(join(outside, "ab"), { recursive: true });
        for (const one of [hex, `ab/${hex}`, "content-0123456789abcdef", "a-0123456789ab.json", "x"]) {
          writeFileSync(join(outside, one), "x");
          utimesSync(join(outside, one), 1, 1);
        }
        const dir = join(place, "cache");
        await put(openStore(dir, false, testContext()), "a blob of the store's");
        for (const { path, kind } of entries) {
          const target = join(dir, ...path);
          try {
            mkdirSync(dirname(target), { recursive: true });
            if (kind === "file") writeFileSync(target, "x", { flag: "wx" });
            else if (kind === "folder") mkdirSync(target);
            else
              symlinkSync(
                kind === "link to a folder" ? outside : join(outside, kind === "dangling link" ? "gone" : "x"),
                target,
              );
            if (kind === "file") utimesSync(target, 1, 1);
          } catch {
            // Another entry stands there, or a way to it leads through a link: that writes outside, and is not what is tested.
          }
        }
        const [before, outsideBefore] = [treeOf(dir), treeOf(outside)];
        const store = openStore(dir, false, testContext());
        const request = { olderThanMs: undefined, maxTotalBytes };
        await (isRetention ? store.clearWhenDue(request, 1000, noSignal) : store.clear(request, noSignal)).catch(
          () => {},
        );
        const after = treeOf(dir);
        for (const [path, kind] of before) {
          if (after.has(path)) continue;
          expect(`${path} ${kind}`).toMatch(kind === "folder" ? /^locks\/[0-9a-f]{64}\.lock folder$/ : / file$/);
          expect(path).toMatch(kind === "folder" ? ownLock : own);
        }
        expect(treeOf(outside)).toEqual(outsideBefore);
      },
    ),
    { numRuns: 300, seed: 9 },
  );
}, 120_000);
