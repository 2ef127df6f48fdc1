import { lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import { temporaryFolder } from "../support/folders.ts";
import { neverAborted, temporaryFile, treeOf } from "./folders.ts";
import { rawTar } from "./raw-tar.ts";
import { rawZip } from "./raw-zip.ts";

/** Each test file has a process of its own, so that its umask is nobody else's. */
const umask = process.umask();
afterEach(() => {
  process.umask(umask);
});

const archives = {
  tar: rawTar(
    { name: "d/", type: "5", mode: 0o700 },
    { name: "d/program", body: "x", mode: 0o700 },
    { name: "d/bytes", body: "\u007fELF", mode: 0o600 },
    { name: "d/data", body: "x", mode: 0o666 },
    { name: "d/twin", type: "1", linkname: "d/program" },
    { name: "implied/data", body: "x", mode: 0 },
  ),
  zip: rawZip(
    { name: "d/", unixMode: 0o040700 },
    { name: "d/program", body: "x", unixMode: 0o100700 },
    { name: "d/bytes", body: "\u007fELF" },
    { name: "d/data", body: "x", unixMode: 0o100666 },
    { name: "d/twin", body: "x", unixMode: 0o100755 },
    { name: "implied/data", body: "x" },
  ),
};

const expected = {
  d: "d755",
  "d/bytes": "f755 \u007fELF",
  "d/data": "f644 x",
  "d/program": "f755 x",
  "d/twin": "f755 x",
  implied: "d755",
  "implied/data": "f644 x",
};

for (const mask of [0o000, 0o022, 0o077, 0o777]) {
  for (const [format, bytes] of Object.entries(archives)) {
    test(`extract: a ${format} has the same modes under umask ${mask.toString(8).padStart(3, "0")}`, async () => {
      const archive = temporaryFile(bytes);
      const made = join(temporaryFolder(), "out");
      const existing = join(temporaryFolder(), "out");
      mkdirSync(existing);
      process.umask(mask);
      await extractArchive(archive, made, { signal: neverAborted });
      await extractArchive(archive, existing, { signal: neverAborted });
      process.umask(umask);
      expect(treeOf(made)).toEqual(expected);
      expect(lstatSync(made).mode & 0o7777).toBe(0o755);
      expect(treeOf(existing)).toEqual(expected);
    });
  }
}
