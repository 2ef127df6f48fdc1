import { existsSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Digest } from "../../src/model/digest.ts";
import { noSignal } from "../support/context.ts";
import { digest, put, script, size, testStore } from "../support/store.ts";

describe("clear", () => {
  const day = 24 * 60 * 60;
  const entry = { manifest_digest: digest, size, original_name: "x", platform: null };

  test("without limits all goes, metadata counted", async () => {
    const { store } = testStore();
    await put(store);
    await put(store, script);
    await store.writeMetadata("h.io/a:1", "linux-x86_64", { ...entry, digest });
    expect(await store.clear({ olderThanMs: undefined, maxTotalBytes: undefined })).toMatchObject({ filesRemoved: 3 });
    expect(await store.find(digest)).toBeUndefined();
    expect(await store.clear({ olderThanMs: undefined, maxTotalBytes: undefined })).toEqual({
      filesRemoved: 0,
      bytesFreed: 0,
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
    expect(await store.clear({ olderThanMs: 5 * day * 1000, maxTotalBytes: undefined })).toMatchObject({
      filesRemoved: 2,
      bytesFreed: expect.any(Number),
    });
    expect(await store.find(old)).toBeUndefined();
    expect(await store.find(used)).toBeDefined();
    expect(await store.readMetadata("h.io/used:1", "linux-x86_64")).toBeDefined();
  });

  test("by size the least recently used goes first", async () => {
    const { store, pathOf } = testStore();
    const digests: Digest[] = [];
    for (const [index, content] of ["aaaa", "bbbb", "cccc"].entries()) {
      const of = await put(store, content);
      utimesSync(pathOf(of), 1_000_000 + index, 1_000_000);
      digests.push(of);
    }
    expect(await store.clear({ olderThanMs: undefined, maxTotalBytes: 8 })).toEqual({ filesRemoved: 1, bytesFreed: 4 });
    const found = await Promise.all(digests.map(async (of) => (await store.find(of)) !== undefined));
    expect(found).toEqual([false, true, true]);
  });

  test("staged files go when they are a day old; links are removed, not followed", async () => {
    const { store, dir } = testStore();
    await put(store);
    const { symlinkSync } = await import("node:fs");
    writeFileSync(join(dir, "tmp", "old"), "x");
    utimesSync(join(dir, "tmp", "old"), 1, 1);
    writeFileSync(join(dir, "tmp", "now"), "x");
    writeFileSync(join(dirname(dir), "precious"), "x");
    symlinkSync(dirname(dir), join(dir, "oras", "zz"));
    await store.clear({ olderThanMs: undefined, maxTotalBytes: undefined });
    expect(readdirSync(join(dir, "tmp"))).toEqual(["now"]);
    expect(existsSync(join(dirname(dir), "precious"))).toBe(true);
  });
});
