import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Digest } from "../../src/model/digest.ts";
import { openStore } from "../../src/store/file-store.ts";
import { codeOf, noSignal, testContext } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";
import { digest, put, script, size, testStore } from "../support/store.ts";

const day = 24 * 60 * 60;
const everything = { olderThanMs: undefined, maxTotalBytes: undefined };

describe("clear", () => {
  const entry = { manifest_digest: digest, size, original_name: "x", platform: null };

  test("without limits all goes, metadata counted", async () => {
    const { store } = testStore();
    await put(store);
    await put(store, script);
    await store.writeMetadata("h.io/a:1", "linux-x86_64", { ...entry, digest });
    expect(await store.clear({ olderThanMs: undefined, maxTotalBytes: undefined }, noSignal)).toMatchObject({
      filesRemoved: 3,
      notesRemoved: 1,
    });
    expect(await store.find(digest)).toBeUndefined();
    expect(await store.clear({ olderThanMs: undefined, maxTotalBytes: undefined }, noSignal)).toEqual({
      filesRemoved: 0,
      bytesFreed: 0,
      notesRemoved: 0,
      transfersRemoved: 0,
      filesInUse: 0,
    });
  });

  test("age is time since last use: what was placed lately stays, with its metadata", async () => {
    const { store, reopened, pathOf, dir } = testStore();
    const old = await put(store);
    const used = await put(store, script);
    await store.writeMetadata("h.io/old:1", "linux-x86_64", { ...entry, digest: old });
    await store.writeMetadata("h.io/used:1", "linux-x86_64", { ...entry, digest: used });
    const tenDaysAgo = Date.now() / 1000 - 10 * day;
    for (const of of [old, used]) utimesSync(pathOf(of), tenDaysAgo, tenDaysAgo);
    await reopened().materialize(used, join(dir, "out"), {}, noSignal);
    expect(await store.clear({ olderThanMs: 5 * day * 1000, maxTotalBytes: undefined }, noSignal)).toMatchObject({
      filesRemoved: 2,
      bytesFreed: expect.any(Number),
    });
    expect(await store.find(old)).toBeUndefined();
    expect(await store.find(used)).toBeDefined();
    expect(await store.readMetadata("h.io/used:1", "linux-x86_64")).toBeDefined();
  });

  test("a dry run counts what a run removes, notes included, and removes nothing", async () => {
    const { store } = testStore();
    await put(store);
    await put(store, script);
    await store.writeMetadata("h.io/a:1", "linux-x86_64", { ...entry, digest });
    const planned = await store.clear({ ...everything, isDryRun: true }, noSignal);
    expect(await store.find(digest)).toBeDefined();
    expect(await store.readMetadata("h.io/a:1", "linux-x86_64")).toBeDefined();
    expect(planned.filesRemoved).toBe(3);
    expect(await store.clear(everything, noSignal)).toEqual(planned);
  });

  test("by size the least recently used goes first", async () => {
    const { store, pathOf } = testStore();
    const digests: Digest[] = [];
    for (const [index, content] of ["aaaa", "bbbb", "cccc"].entries()) {
      const of = await put(store, content);
      utimesSync(pathOf(of), 1_000_000 + index, 1_000_000);
      digests.push(of);
    }
    expect(await store.clear({ olderThanMs: undefined, maxTotalBytes: 8 }, noSignal)).toEqual({
      filesRemoved: 1,
      bytesFreed: 4,
      notesRemoved: 0,
      transfersRemoved: 0,
      filesInUse: 0,
    });
    const found = await Promise.all(digests.map(async (of) => (await store.find(of)) !== undefined));
    expect(found).toEqual([false, true, true]);
  });

  test("staged files go when they are a day old, under the names that the store gives them", async () => {
    const { store, dir } = testStore();
    await put(store);
    const unique = "0123456789abcdef";
    const own = [`content-${unique}`, `metadata-${unique}`, `${digest.slice(7)}-${unique}.partial`];
    const others = ["old", "content-", `content-${unique}.txt`, `${digest.slice(7)}.partial`, ".hidden"];
    for (const name of [...own, ...others]) {
      writeFileSync(join(dir, "tmp", name), "x");
      utimesSync(join(dir, "tmp", name), 1, 1);
    }
    writeFileSync(join(dir, "tmp", `content-${"f".repeat(16)}`), "x");
    await store.clear(everything, noSignal);
    expect(readdirSync(join(dir, "tmp")).sort()).toEqual([...others, `content-${"f".repeat(16)}`].sort());
  });

  test("an empty lock of a process that is gone goes, a lock with something in it does not", async () => {
    const { store, dir } = testStore();
    await put(store);
    const [empty, full] = ["a", "b"].map((letter) => join(dir, "locks", `${letter.repeat(64)}.lock`));
    for (const lock of [empty, full]) mkdirSync(lock ?? "");
    writeFileSync(join(full ?? "", "x"), "");
    for (const lock of [empty, full]) utimesSync(lock ?? "", 1, 1);
    await store.clear(everything, noSignal);
    expect(readdirSync(join(dir, "locks"))).toEqual([basename(full ?? "")]);
  });

  test("metadata that the store did not write stays", async () => {
    const { store, dir } = testStore();
    await put(store);
    await store.writeMetadata("h.io/a:1", "linux-x86_64", { ...entry, digest });
    const [own] = readdirSync(join(dir, "metadata"));
    const text = readFileSync(join(dir, "metadata", own ?? ""), "utf8");
    const others = { "mine.json": text, "package.json": "{}", "notes.txt": "x" };
    for (const [name, content] of Object.entries(others)) writeFileSync(join(dir, "metadata", name), content);
    await store.clear(everything, noSignal);
    expect(readdirSync(join(dir, "metadata")).sort()).toEqual(Object.keys(others).sort());
  });

  test.each(["oras", "metadata", "tmp", "oras/ab"])("a link in the place of %s is not followed", async (level) => {
    const { store, dir } = testStore();
    await put(store);
    const elsewhere = temporaryFolder();
    const names = [
      `${"ab".repeat(32)}`,
      `ab/${"ab".repeat(32)}`,
      `content-0123456789abcdef`,
      "x-0123456789ab.json",
      "precious",
    ];
    mkdirSync(join(elsewhere, "ab"));
    for (const name of names) {
      writeFileSync(join(elsewhere, name), "x");
      utimesSync(join(elsewhere, name), 1, 1);
    }
    rmSync(join(dir, level), { recursive: true, force: true });
    symlinkSync(elsewhere, join(dir, level));
    await store.clear(everything, noSignal);
    for (const name of names) expect(existsSync(join(elsewhere, name)), name).toBe(true);
  });

  test("the mark of the last time is not written through a link", async () => {
    const { store, dir } = testStore();
    await put(store);
    const precious = join(temporaryFolder(), "precious");
    writeFileSync(precious, "x");
    utimesSync(precious, 1, 1);
    symlinkSync(precious, join(dir, "cleared"));
    await store.clearWhenDue(everything, day * 1000, noSignal).catch(() => {});
    expect([readFileSync(precious, "utf8"), statSync(precious).mtimeMs]).toEqual(["x", 1000]);
  });

  test("a mark of the last time that is to come does not put it off", async () => {
    const { store, dir } = testStore();
    await put(store);
    writeFileSync(join(dir, "cleared"), "");
    utimesSync(join(dir, "cleared"), Date.now() / 1000 + 1000 * day, Date.now() / 1000 + 1000 * day);
    expect(await store.clearWhenDue(everything, day * 1000, noSignal)).toMatchObject({ filesRemoved: 1 });
    expect(await store.clearWhenDue(everything, day * 1000, noSignal)).toBeUndefined();
  });
});

describe("the folder's marks", () => {
  test("a folder that was not empty gets none, is used, and is never cleared", async () => {
    const dir = temporaryFolder();
    writeFileSync(join(dir, "letter.txt"), "x");
    const context = testContext();
    const store = openStore(dir, false, context);
    await put(store);
    expect(readdirSync(dir)).not.toContain("CACHEDIR.TAG");
    expect(context.lines.join()).toContain("not empty");
    expect(await store.find(digest)).toBeDefined();
    expect(await codeOf(store.clear(everything, noSignal))).toBe("USAGE_INVALID");
    expect(await store.find(digest)).toBeDefined();
  });

  test("a folder that was empty, or made, gets the tag and the format's version", async () => {
    for (const dir of [temporaryFolder(), join(temporaryFolder(), "new")]) {
      await put(openStore(dir, false, testContext()));
      expect(readFileSync(join(dir, "CACHEDIR.TAG"), "utf8")).toMatch(/^Signature: /);
      expect(readFileSync(join(dir, "version"), "utf8")).toBe("1\n");
    }
  });

  test("a cache from before there was a version is one of format 1", async () => {
    const { store, reopened, dir } = testStore();
    await put(store);
    rmSync(join(dir, "version"));
    await put(reopened(), script);
    expect(readFileSync(join(dir, "version"), "utf8")).toBe("1\n");
  });

  test("a cache of a later format is neither written nor cleared", async () => {
    const { store, reopened, dir } = testStore();
    await put(store);
    writeFileSync(join(dir, "version"), "2\n");
    expect(await codeOf(put(reopened(), script))).toBe("CACHE_NEWER");
    expect(await codeOf(reopened().clear(everything, noSignal))).toBe("CACHE_NEWER");
    expect(await reopened().find(digest)).toBeDefined();
  });

  test("the tag is not written through a link", async () => {
    const dir = temporaryFolder();
    const target = join(temporaryFolder(), "made");
    symlinkSync(target, join(dir, "CACHEDIR.TAG"));
    await put(openStore(dir, false, testContext()));
    expect(existsSync(target)).toBe(false);
  });
});
