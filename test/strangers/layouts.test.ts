/** OCI layouts that a checkout ships with links and pipes in them: nothing outside is written or removed, and nothing hangs. */
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/model/digest.ts";
import { type Home, homeWithCheckout } from "../support/home.ts";
import { makePipe } from "../support/pipe.ts";

const hour = 60 * 60;

/** Old enough to be removed when nothing names it. */
function age(folder: string): void {
  const then = Date.now() / 1000 - hour;
  for (const name of readdirSync(folder)) utimesSync(join(folder, name), then, then);
}

async function push(place: Home, reference: string, content: string): Promise<void> {
  writeFileSync(join(place.checkout, "tool"), content);
  const ran = await place.oras(["push", reference, "tool", "--title", "tool"]);
  expect(ran.exitCode, ran.stderr).toBe(0);
}

/** A layout with the tags 1 and 2. */
async function makeLayout(): Promise<string> {
  const place = homeWithCheckout();
  await push(place, "oci:lay:1", "one");
  await push(place, "oci:lay:2", "two");
  // Outlives the test that makes it; removed with all that the run has made.
  const kept = join(mkdtempSync(join(tmpdir(), "buck2-oras-layout-")), "lay");
  cpSync(join(place.checkout, "lay"), kept, { recursive: true });
  return kept;
}

/** Made once: each test has a copy. */
let made: Promise<string> | undefined;

/** A checkout with the layout `lay`, which has the tags 1 and 2, and the file `tool` of tag 2. */
async function withLayout(): Promise<Home & { readonly layout: string }> {
  made ??= makeLayout();
  const place = homeWithCheckout();
  const layout = join(place.checkout, "lay");
  cpSync(await made, layout, { recursive: true });
  writeFileSync(join(place.checkout, "tool"), "two");
  return { ...place, layout };
}

async function expectRefused(place: Home, args: readonly string[], part: string): Promise<void> {
  const ran = await place.oras(args);
  expect(ran.exitCode, `${args.join(" ")}: ${ran.stderr}`).toBe(65);
  expect(ran.stderr).toContain("error[LAYOUT_INVALID]");
  expect(ran.stderr).toContain(part);
}

const commands: readonly (readonly string[])[] = [
  ["push", "oci:lay:3", "tool"],
  ["attach", "oci:lay:1", "tool", "--artifact-type", "x/y"],
  ["copy", "oci:lay:1", "oci:lay:4"],
  ["pull", "oci:lay:1", "-o", "out"],
  ["prune", "oci:lay", "--keep-last", "1", "--delete"],
];

describe("links in a layout", () => {
  test.each(["blobs", "blobs/sha256"])("%s leads into another layout: nothing of it is removed", async (part) => {
    const place = await withLayout();
    const other = join(place.home, "release");
    await push(place, `oci:${other}:1`, "released");
    // The stranger's layout works, by the blobs of the other one.
    for (const name of readdirSync(join(place.layout, "blobs/sha256")))
      renameSync(join(place.layout, "blobs/sha256", name), join(other, "blobs/sha256", name));
    rmSync(join(place.layout, part), { recursive: true });
    symlinkSync(join(other, part), join(place.layout, part));
    age(join(other, "blobs/sha256"));
    const before = readdirSync(join(other, "blobs/sha256"));
    for (const args of commands) await expectRefused(place, args, `its \`${part}\` is a link`);
    expect(readdirSync(join(other, "blobs/sha256"))).toEqual(before);
  });

  test.each(["blobs", "blobs/sha256"])("%s leads to a folder of the user's: nothing is written there", async (part) => {
    const place = await withLayout();
    const folder = join(place.home, ".bashrc.d");
    mkdirSync(folder);
    const shipped = join(place.checkout, "shipped");
    mkdirSync(join(shipped, "blobs"), { recursive: true });
    if (part === "blobs") rmSync(join(shipped, "blobs"), { recursive: true });
    symlinkSync(folder, join(shipped, part));
    await expectRefused(place, ["copy", "oci:lay:1", "oci:shipped:1"], `its \`${part}\` is a link`);
    await expectRefused(place, ["push", "oci:shipped:1", "tool"], `its \`${part}\` is a link`);
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each(["index.json", "oci-layout"])(
    "%s leads to a file elsewhere: it is neither read nor written",
    async (part) => {
      const place = await withLayout();
      const elsewhere = join(place.home, "elsewhere.json");
      renameSync(join(place.layout, part), elsewhere);
      symlinkSync(elsewhere, join(place.layout, part));
      const before = readFileSync(elsewhere, "utf8");
      for (const args of commands) await expectRefused(place, args, `its \`${part}\` is a link`);
      expect(readFileSync(elsewhere, "utf8")).toBe(before);
      expect(lstatSync(join(place.layout, part)).isSymbolicLink()).toBe(true);
    },
  );

  test("the layout's own folder may be a link, and so may a blob that is read", async () => {
    const place = await withLayout();
    renameSync(place.layout, join(place.home, "real"));
    symlinkSync(join(place.home, "real"), place.layout);
    await push(place, "oci:lay:3", "three");
    const blob = join(place.home, "real/blobs/sha256", digestOf(Buffer.from("three")).slice("sha256:".length));
    renameSync(blob, join(place.home, "three"));
    symlinkSync(join(place.home, "three"), blob);
    const ran = await place.oras(["pull", "oci:lay:3", "-o", "out"]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readFileSync(join(place.checkout, "out/tool"), "utf8")).toBe("three");
  });

  test("prune removes files alone: a link and a folder with a blob's name stay", async () => {
    const place = await withLayout();
    const blobs = join(place.layout, "blobs/sha256");
    const kept = join(place.home, "kept");
    writeFileSync(kept, "kept");
    symlinkSync(kept, join(blobs, "a".repeat(64)));
    mkdirSync(join(blobs, "b".repeat(64)));
    writeFileSync(join(blobs, "notes.txt"), "");
    age(blobs);
    const ran = await place.oras(["prune", "oci:lay", "--keep-last", "1", "--delete"]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(existsSync(join(blobs, digestOf(Buffer.from("one")).slice("sha256:".length)))).toBe(false);
    expect(readdirSync(blobs)).toEqual(expect.arrayContaining(["a".repeat(64), "b".repeat(64), "notes.txt"]));
    expect(readFileSync(kept, "utf8")).toBe("kept");
  });
});

describe("what is no file in a layout", () => {
  test.each([
    // What hangs in one command may not in another.
    ["a named pipe", makePipe, commands],
    ["a link", (path: string) => symlinkSync("/dev/zero", path), commands.slice(0, 1)],
    ["a folder", (path: string) => void mkdirSync(path), commands.slice(0, 1)],
  ] as const)("%s in the place of index.json or oci-layout is exit 65 at once", async (what, make, tried) => {
    for (const part of ["index.json", "oci-layout"]) {
      const place = await withLayout();
      rmSync(join(place.layout, part));
      make(join(place.layout, part));
      for (const args of [["list", "oci:lay"], ...tried]) await expectRefused(place, args, what);
    }
  });

  test.each([
    ["a named pipe", makePipe],
    ["a device", (path: string) => symlinkSync("/dev/zero", path)],
  ] as const)("%s in the place of a blob is exit 65 at once", async (what, make) => {
    const place = await withLayout();
    const digest = digestOf(Buffer.from("one"));
    const blob = join(place.layout, "blobs/sha256", digest.slice("sha256:".length));
    rmSync(blob);
    make(blob);
    await expectRefused(place, ["pull", "oci:lay:1", "-o", "out"], what);
    await expectRefused(place, ["blob", `oci:lay@${digest}`, "--size", "3", "-o", "out"], what);
    await expectRefused(place, ["pull", `oci:lay@${digest}`, "-o", "out"], what);
  });
});

describe("several pushes at once", () => {
  const tags = Array.from({ length: 8 }, (_, index) => `t${index}`);

  async function pushAtOnce(place: Home): Promise<readonly (number | null)[]> {
    writeFileSync(join(place.checkout, "tool"), "tool");
    return await Promise.all(tags.map(async (tag) => (await place.oras(["push", `oci:lay:${tag}`, "tool"])).exitCode));
  }

  async function listed(place: Home): Promise<readonly string[]> {
    return (await place.oras(["list", "oci:lay"])).stdout.split("\n").filter((tag) => tag.startsWith("t"));
  }

  test("all of their tags are in the index", async () => {
    const place = await withLayout();
    expect(await pushAtOnce(place)).toEqual(tags.map(() => 0));
    expect([...(await listed(place))].sort()).toEqual(tags);
  });

  test("a file in the lock's place loses no tag: those that cannot be put in are exit 75", async () => {
    const place = await withLayout();
    writeFileSync(join(place.layout, ".index.json.lock"), "");
    const ended = await pushAtOnce(place);
    expect(ended.filter((code) => code !== 0 && code !== 75)).toEqual([]);
    expect([...(await listed(place))].sort()).toEqual(tags.filter((_, index) => ended[index] === 0));
    expect(ended).toContain(75);
  });
});
