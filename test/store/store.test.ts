import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Digest, digestOf, parseDigest } from "../../src/model/digest.ts";
import { openStore } from "../../src/store/file-store.ts";
import type { Store } from "../../src/store/store.ts";
import { codeOf, noSignal, testContext } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";

const text = "some bytes";
const digest = digestOf(text);
const size = text.length;
const script = "#!/bin/sh\necho hello\n";

async function* chunksOf(...parts: string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield new TextEncoder().encode(part);
}

interface TestStore {
  readonly dir: string;
  readonly store: Store;
  /** A store as another process would open it: it remembers nothing of this one. */
  readonly reopened: () => Store;
  readonly pathOf: (digest: Digest) => string;
}

function testStore(): TestStore {
  const dir = join(temporaryFolder(), "cache");
  const open = (): Store => openStore(dir, testContext());
  const pathOf = (of: Digest): string => join(dir, "oras", of.slice(7, 9), of.slice(7));
  return { dir, store: open(), reopened: open, pathOf };
}

function filesBelow(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

async function put(store: Store, content = text): Promise<Digest> {
  const of = digestOf(content);
  await store.ingest({ digest: of, size: Buffer.byteLength(content) }, chunksOf(content), noSignal);
  return of;
}

describe("ingest", () => {
  test("the bytes are at oras/ab/<sha256>, read-only, and executables are executable", async () => {
    const { store, pathOf, dir } = testStore();
    expect(await store.ingest({ digest, size }, chunksOf("some ", "bytes"), noSignal)).toBe(pathOf(digest));
    expect(readFileSync(pathOf(digest), "utf8")).toBe(text);
    expect(statSync(pathOf(digest)).mode & 0o777).toBe(0o444);
    expect(statSync(pathOf(await put(store, script))).mode & 0o777).toBe(0o555);
    expect(readFileSync(join(dir, "CACHEDIR.TAG"), "utf8")).toMatch(/^Signature: 8a477f597d28d172789f06886806bc55\n/);
  });

  test.each([
    ["one byte longer", ["some ", "bytes", "!"], "BLOB_SIZE_MISMATCH"],
    ["one byte shorter", ["some ", "byte"], "BLOB_SIZE_MISMATCH"],
    ["empty", [], "BLOB_SIZE_MISMATCH"],
    ["of the same length and other bytes", ["some ", "bytez"], "BLOB_DIGEST_MISMATCH"],
  ])("a body that is %s leaves the store empty", async (_, parts, code) => {
    const { store, dir } = testStore();
    expect(await codeOf(store.ingest({ digest, size }, chunksOf(...parts), noSignal))).toBe(code);
    expect(filesBelow(dir).filter((path) => !path.endsWith("CACHEDIR.TAG"))).toEqual([]);
    expect(await store.find(digest)).toBeUndefined();
  });

  test("an endless body is cut off at the chunk that goes past the size", async () => {
    const { store, dir } = testStore();
    let chunks = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      while (true) {
        chunks += 1;
        yield new Uint8Array(8);
      }
    }
    expect(await codeOf(store.ingest({ digest, size }, endless(), noSignal))).toBe("BLOB_SIZE_MISMATCH");
    expect(chunks).toBe(2);
    expect(readdirSync(join(dir, "tmp"))).toEqual([]);
  });

  test("a source that breaks off leaves nothing and its error passes through", async () => {
    const { store, dir } = testStore();
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield new TextEncoder().encode("some ");
      throw new RangeError("the source broke");
    }
    await expect(store.ingest({ digest, size }, broken(), noSignal)).rejects.toThrow("the source broke");
    expect(readdirSync(join(dir, "tmp"))).toEqual([]);
  });

  test("a blob that is there is not read again", async () => {
    const { store } = testStore();
    await put(store);
    async function* untouchable(): AsyncGenerator<Uint8Array> {
      yield await Promise.reject(new Error("the source was read"));
    }
    await expect(store.ingest({ digest, size }, untouchable(), noSignal)).resolves.toContain(digest.slice(7));
  });

  test("content of unknown digest is stored under its own", async () => {
    const { store, pathOf } = testStore();
    expect(await store.ingestContent(chunksOf(text), noSignal)).toEqual({ digest, size, path: pathOf(digest) });
  });
});

describe("damage", () => {
  const damages: readonly (readonly [string, (path: string) => void])[] = [
    ["flipped", (path) => writeFileSync(path, "some bytez")],
    ["missing at the end", (path) => writeFileSync(path, "some")],
    ["extra at the end", (path) => writeFileSync(path, `${text}!`)],
    ["all gone (an empty file)", (path) => writeFileSync(path, "")],
  ];

  test.each(damages)(
    "bytes %s: noticed when placed, thrown away, nothing placed; then stored anew",
    async (_, damage) => {
      const { store, reopened, pathOf, dir } = testStore();
      await put(store);
      chmodSync(pathOf(digest), 0o644);
      damage(pathOf(digest));
      const output = join(dir, "out");
      expect(await codeOf(reopened().materialize(digest, output, {}, noSignal))).toBe("CACHE_DAMAGED");
      expect(existsSync(output)).toBe(false);
      expect(existsSync(pathOf(digest))).toBe(false);
      await put(store);
      await reopened().materialize(digest, output, {}, noSignal);
      expect(readFileSync(output, "utf8")).toBe(text);
    },
  );

  test("damage is noticed by the process that stored the blob, too", async () => {
    const { store, pathOf, dir } = testStore();
    await put(store);
    chmodSync(pathOf(digest), 0o644);
    writeFileSync(pathOf(digest), "some bytez");
    utimesSync(pathOf(digest), new Date(0), new Date(0));
    expect(await codeOf(store.materialize(digest, join(dir, "out"), {}, noSignal))).toBe("CACHE_DAMAGED");
  });

  test("a folder in a blob's place is damage, and is put out of the way", async () => {
    const { store, pathOf } = testStore();
    mkdirSync(join(pathOf(digest), "x"), { recursive: true });
    expect(await codeOf(store.find(digest))).toBe("CACHE_DAMAGED");
    expect(await store.find(digest)).toBeUndefined();
    mkdirSync(join(pathOf(digest), "x"), { recursive: true });
    await put(store);
    expect(readFileSync(pathOf(digest), "utf8")).toBe(text);
  });

  test("a link in a blob's place is no blob: it is not followed", async () => {
    const { store, pathOf, dir } = testStore();
    await put(store);
    const { symlinkSync } = await import("node:fs");
    rmSync(pathOf(digest));
    writeFileSync(join(dir, "elsewhere"), "precious");
    symlinkSync(join(dir, "elsewhere"), pathOf(digest));
    expect(await codeOf(store.find(digest))).toBe("CACHE_DAMAGED");
    expect(readFileSync(join(dir, "elsewhere"), "utf8")).toBe("precious");
  });

  test("verify: the same bytes pass, others are thrown away", async () => {
    const { store, reopened, pathOf } = testStore();
    await put(store);
    await reopened().verify(digest, noSignal);
    chmodSync(pathOf(digest), 0o644);
    writeFileSync(pathOf(digest), "some bytez");
    expect(await codeOf(reopened().verify(digest, noSignal))).toBe("CACHE_DAMAGED");
    expect(existsSync(pathOf(digest))).toBe(false);
  });
});

describe("materialize", () => {
  test("places a copy of its own: writing to it leaves the cache as it was", async () => {
    const { store, dir, pathOf } = testStore();
    await put(store, script);
    const output = join(dir, "deep/er/out");
    await store.materialize(digestOf(script), output, {}, noSignal);
    expect(statSync(output).nlink).toBe(1);
    expect(statSync(output).mode & 0o777).toBe(0o755);
    writeFileSync(output, "changed");
    expect(readFileSync(pathOf(digestOf(script)), "utf8")).toBe(script);
  });

  test("modes are the same under any umask", async () => {
    const { store, dir } = testStore();
    await put(store);
    const before = process.umask();
    try {
      for (const umask of [0o077, 0o000]) {
        process.umask(umask);
        await store.materialize(digest, join(dir, "plain"), {}, noSignal);
        await store.materialize(digest, join(dir, "tool"), { executable: true }, noSignal);
        expect(statSync(join(dir, "plain")).mode & 0o777).toBe(0o644);
        expect(statSync(join(dir, "tool")).mode & 0o777).toBe(0o755);
        await put(store, `under ${umask}`);
        expect(statSync((await store.find(digestOf(`under ${umask}`)))?.path ?? "").mode & 0o777).toBe(0o444);
      }
    } finally {
      process.umask(before);
    }
  });

  test.each([
    ["whose folder takes no files", () => "/proc/out"],
    ["that is a folder", (dir: string) => dir],
    ["below a file", (dir: string) => join(dir, "CACHEDIR.TAG", "out")],
  ])("an output %s leaves the blob alone", async (_, outputIn) => {
    const { store, reopened, dir, pathOf } = testStore();
    await put(store);
    const before = statSync(pathOf(digest)).ino;
    for (const one of [store, reopened()]) {
      expect(await codeOf(one.materialize(digest, outputIn(dir), {}, noSignal))).toBe("LOCAL_IO");
    }
    expect(statSync(pathOf(digest)).ino).toBe(before);
  });

  test("a blob that is gone when it is placed is damage", async () => {
    const { store, reopened, dir, pathOf } = testStore();
    await put(store);
    rmSync(pathOf(digest));
    for (const one of [store, reopened()]) {
      expect(await codeOf(one.materialize(digest, join(dir, "out"), {}, noSignal))).toBe("CACHE_DAMAGED");
    }
  });

  test("an output that is a link is replaced, not written through", async () => {
    const { store, dir } = testStore();
    await put(store);
    const { symlinkSync, lstatSync } = await import("node:fs");
    writeFileSync(join(dir, "precious"), "precious");
    symlinkSync(join(dir, "precious"), join(dir, "out"));
    await store.materialize(digest, join(dir, "out"), {}, noSignal);
    expect(lstatSync(join(dir, "out")).isFile()).toBe(true);
    expect(readFileSync(join(dir, "precious"), "utf8")).toBe("precious");
  });
});

describe("metadata", () => {
  const entry = { digest, manifest_digest: digest, size, original_name: "x", platform: null };

  test("is written and read by reference and platform", async () => {
    const { store, dir } = testStore();
    await store.writeMetadata("h.io/a:1", "linux-x86_64", entry);
    expect(await store.readMetadata("h.io/a:1", "linux-x86_64")).toMatchObject({ ...entry, artifact_ref: "h.io/a:1" });
    expect(await store.readMetadata("h.io/a:1", "darwin-arm64")).toBeUndefined();
    const [name = ""] = readdirSync(join(dir, "metadata"));
    expect(name).toMatch(/^h\.io_a_1_linux-x86_64-[0-9a-f]{12}\.json$/);
  });

  test("any reference makes a name inside the folder; two never share one", async () => {
    const { store, dir } = testStore();
    const references = ["oci:../../etc:1", "a/b:1", "a_b:1", `oci:${"x".repeat(3000)}:1`, `oci:${"x".repeat(3000)}:2`];
    for (const reference of references)
      await store.writeMetadata(reference, "linux-x86_64", { ...entry, original_name: reference });
    expect(readdirSync(join(dir, "metadata"))).toHaveLength(references.length);
    for (const reference of references) {
      expect(await store.readMetadata(reference, "linux-x86_64")).toMatchObject({ original_name: reference });
    }
  });

  test.each(["", "{", "null", "[]", '{"digest": "sha256:../../x"}'])("%j is ignored and rewritten", async (broken) => {
    const { store, dir } = testStore();
    await store.writeMetadata("h.io/a:1", "linux-x86_64", entry);
    const [name = ""] = readdirSync(join(dir, "metadata"));
    writeFileSync(join(dir, "metadata", name), broken);
    expect(await store.readMetadata("h.io/a:1", "linux-x86_64")).toBeUndefined();
    await store.writeMetadata("h.io/a:1", "linux-x86_64", entry);
    expect(await store.readMetadata("h.io/a:1", "linux-x86_64")).toMatchObject(entry);
  });
});

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

test("a digest that is none never becomes a path", () => {
  for (const wrong of ["sha256:../../etc/passwd", "sha256:ABC", `md5:${"0".repeat(32)}`]) {
    expect(() => parseDigest(wrong)).toThrow(/is not a digest/);
  }
});
