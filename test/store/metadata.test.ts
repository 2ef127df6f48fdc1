import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { digest, size, testStore } from "../support/store.ts";

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
