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
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseDigest } from "../../src/model/digest.ts";
import { codeOf, noSignal } from "../support/context.ts";
import { chunksOf, digest, filesBelow, put, script, size, testStore, text } from "../support/store.ts";

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
    expect(filesBelow(dir).filter((path) => !/(?:CACHEDIR.TAG|version)$/.test(path))).toEqual([]);
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

test("a digest that is none never becomes a path", () => {
  for (const wrong of ["sha256:../../etc/passwd", "sha256:ABC", `md5:${"0".repeat(32)}`]) {
    expect(() => parseDigest(wrong)).toThrow(/is not a digest/);
  }
});
