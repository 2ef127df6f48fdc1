import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import { testContext } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireRoot } from "../support/shared-cache.ts";
import { neverAborted, temporaryFile, treeOf } from "./folders.ts";
import { rawTar } from "./raw-tar.ts";

const signal = neverAborted;
const bytes = rawTar(
  { name: "bin/tool", body: "#!/bin/sh\n", mode: 0o755 },
  { name: "bin/again", type: "1", linkname: "bin/tool" },
  { name: "bin/alias", type: "2", linkname: "tool" },
  { name: "empty/", type: "5" },
  { name: "LICENSE", body: "x".repeat(700_000) },
);
const archiveBytes = gzipSync(bytes);

/** Inode and time of change of everything in a folder, and of the folder itself. */
function statesOf(folder: string): Readonly<Record<string, string>> {
  const names = ["", ...(readdirSync(folder, { recursive: true }) as string[])];
  const stateOf = (name: string): string => {
    const { ino, ctimeNs } = lstatSync(join(folder, name), { bigint: true });
    return `${ino} ${ctimeNs}`;
  };
  return Object.fromEntries(names.map((name) => [name, stateOf(name)]));
}

async function unpack(out = join(temporaryFolder(), "out"), from = temporaryFile(archiveBytes)): Promise<string> {
  await extractArchive(from, out, { signal, context: testContext() });
  return out;
}

describe("an unpacked archive", () => {
  test("extract: a folder that holds the archive already is left alone", async () => {
    const out = await unpack();
    const archive = temporaryFile(archiveBytes);
    writeFileSync(join(out, "own"), "the user's");
    const before = statesOf(out);
    const first = await extractArchive(archive, await unpack(), { signal });
    expect(await extractArchive(archive, out, { signal, context: testContext() })).toEqual(first);
    expect(statesOf(out)).toEqual(before);
  });

  test.each<[string, (out: string) => void]>([
    ["with another byte", (out) => writeFileSync(join(out, "LICENSE"), `${"x".repeat(699_999)}y`)],
    ["with another length", (out) => writeFileSync(join(out, "LICENSE"), "x".repeat(699_999))],
    ["with another mode", (out) => chmodSync(join(out, "bin/tool"), 0o777)],
    ["with a set-user-ID bit", (out) => chmodSync(join(out, "bin/tool"), 0o4755)],
    ["that is missing", (out) => rmSync(join(out, "LICENSE"))],
    ["with a further name elsewhere", (out) => linkSync(join(out, "LICENSE"), join(out, "../LICENSE"))],
    [
      "that a link to equal bytes replaced",
      (out) => {
        renameSync(join(out, "LICENSE"), join(out, "../LICENSE"));
        symlinkSync("../LICENSE", join(out, "LICENSE"));
      },
    ],
    [
      "that is no hard link any more",
      (out) => {
        rmSync(join(out, "bin/again"));
        writeFileSync(join(out, "bin/again"), "#!/bin/sh\n", { mode: 0o755 });
      },
    ],
    ["that is missing, an empty folder", (out) => rmdirSync(join(out, "empty"))],
    [
      "that is a link with another target",
      (out) => {
        rmSync(join(out, "bin/alias"));
        symlinkSync("again", join(out, "bin/alias"));
      },
    ],
  ])("extract: an entry %s is unpacked again", async (_, change) => {
    const out = await unpack();
    const expected = treeOf(out);
    change(out);
    await unpack(out);
    expect(treeOf(out)).toEqual(expected);
    expect(lstatSync(join(out, "LICENSE")).nlink).toBe(1);
    expect(lstatSync(join(out, "bin/again")).ino).toBe(lstatSync(join(out, "bin/tool")).ino);
  });

  test("extract: another user's file is replaced, since its owner could change it later", async (context) => {
    requireRoot(context);
    const out = await unpack();
    chownSync(join(out, "LICENSE"), 65_533, 65_533);
    await unpack(out);
    expect(lstatSync(join(out, "LICENSE")).uid).toBe(process.getuid?.());
  });

  test("extract: a link in place of a folder is refused, even if its target holds the same files", async () => {
    const out = await unpack();
    renameSync(join(out, "bin"), join(out, "../bin"));
    symlinkSync("../bin", join(out, "bin"));
    const before = readFileSync(join(out, "../bin/tool"), "utf8");
    await expect(unpack(out)).rejects.toMatchObject({
      code: "LOCAL_IO",
      message: expect.stringContaining("is a link"),
    });
    expect(readFileSync(join(out, "../bin/tool"), "utf8")).toBe(before);
  });

  test("extract: what an existing folder may not get is refused, although the folder has it", async () => {
    const hooks = temporaryFile(rawTar({ name: "sub/.git/config", body: "[core]" }));
    const out = await unpack(undefined, hooks);
    await expect(unpack(out, hooks)).rejects.toMatchObject({ code: "ARCHIVE_UNSAFE" });
  });

  test("extract: damage behind equal entries is an error", async () => {
    const out = await unpack();
    const damaged = temporaryFile(Buffer.concat([bytes.subarray(0, -1024), Buffer.from("hidden")]));
    await expect(unpack(out, damaged)).rejects.toMatchObject({ code: "ARCHIVE_INVALID" });
  });
});
