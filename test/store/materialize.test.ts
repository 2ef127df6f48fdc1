import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/model/digest.ts";
import { codeOf, noSignal } from "../support/context.ts";
import { digest, put, script, testStore } from "../support/store.ts";

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

  test("a blob that was overwritten since this process verified it is damage, though size and time of the file are as before", async () => {
    for (const use of ["placed", "verified", "written"] as const) {
      const { store, dir, pathOf } = testStore();
      await put(store);
      const [path, reference] = [pathOf(digest), join(dir, "reference")];
      if (use === "placed") await store.materialize(digest, join(dir, "out"), {}, noSignal);
      if (use === "verified") await store.verify(digest, noSignal);
      execFileSync("touch", ["-r", path, reference]);
      chmodSync(path, 0o644);
      writeFileSync(path, "evil bytes");
      execFileSync("touch", ["-r", reference, path]);
      expect(statSync(path, { bigint: true }).mtimeNs).toBe(statSync(reference, { bigint: true }).mtimeNs);
      expect(await codeOf(store.materialize(digest, join(dir, "out"), {}, noSignal)), use).toBe("CACHE_DAMAGED");
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
