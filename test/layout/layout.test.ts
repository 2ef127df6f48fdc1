import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openLayout } from "../../src/layout/layout.ts";
import { type Digest, digestOf } from "../../src/model/digest.ts";
import { maxManifestBytes, mediaTypes } from "../../src/model/manifest.ts";
import { restOf, type Target } from "../../src/model/source.ts";
import { codeOf, noSignal, testContext } from "../support/context.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";

const blob = new TextEncoder().encode("content");
const descriptor = { mediaType: "application/octet-stream", digest: digestOf(blob), size: blob.byteLength };
const manifest = new TextEncoder().encode(
  JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: descriptor, layers: [descriptor] }),
);

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function pushed(dir: string, tag = "1"): Promise<{ layout: Target; digest: Digest }> {
  const layout = openLayout(dir, testContext());
  await layout.pushBlob(descriptor, () => once(blob), noSignal);
  return { layout, digest: await layout.pushManifest(manifest, mediaTypes.ociManifest, tag, noSignal) };
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe("a layout of our own", () => {
  test("what was pushed is found by tag and by digest", async () => {
    const { layout, digest } = await pushed(join(temporaryFolder(), "layout"));
    for (const version of ["1", digest]) {
      expect(await layout.fetchManifest(version, noSignal)).toMatchObject({
        digest,
        mediaType: mediaTypes.ociManifest,
      });
    }
    expect(await collect((await layout.openBlob(descriptor, restOf(descriptor, 0), noSignal)).bytes)).toBe("content");
    expect(await layout.hasBlob(descriptor, noSignal)).toBe(true);
    expect(await layout.listTags(noSignal)).toEqual(["1"]);
  });

  test("a tag that moves leaves other entries as they were", async () => {
    const dir = join(temporaryFolder(), "layout");
    const { layout } = await pushed(dir);
    const other = {
      mediaType: mediaTypes.ociManifest,
      digest: digestOf(manifest),
      size: manifest.byteLength,
      annotations: { "com.example": "kept" },
      data: "e30=",
    };
    const index: unknown = JSON.parse(readFileSync(join(dir, "index.json"), "utf8"));
    if (typeof index !== "object" || index === null || !("manifests" in index) || !Array.isArray(index.manifests))
      throw new Error("no index");
    writeFileSync(
      join(dir, "index.json"),
      JSON.stringify({ ...index, manifests: [...index.manifests, other], annotations: { a: "b" } }),
    );
    const next = new TextEncoder().encode(`${Buffer.from(manifest)} `);
    const digest = await layout.pushManifest(next, mediaTypes.ociManifest, "1", noSignal);
    expect((await layout.fetchManifest("1", noSignal)).digest).toBe(digest);
    const after: unknown = JSON.parse(readFileSync(join(dir, "index.json"), "utf8"));
    expect(after).toMatchObject({ manifests: [other, { digest }], annotations: { a: "b" } });
  });

  test("many writers at once lose no tag", async () => {
    const dir = join(temporaryFolder(), "layout");
    await pushed(dir, "first");
    const tags = Array.from({ length: 12 }, (_, index) => `t${index}`);
    await Promise.all(
      tags.map((tag) => openLayout(dir, testContext()).pushManifest(manifest, mediaTypes.ociManifest, tag, noSignal)),
    );
    expect([...(await openLayout(dir, testContext()).listTags(noSignal))].sort()).toEqual(["first", ...tags].sort());
  });

  test("a blob that is not what it should be is not stored", async () => {
    const layout = openLayout(join(temporaryFolder(), "layout"), testContext());
    for (const wrong of ["contenT", "conten", "content!"]) {
      const bytes = new TextEncoder().encode(wrong);
      expect(await codeOf(layout.pushBlob(descriptor, () => once(bytes), noSignal))).toBe("BLOB_DIGEST_MISMATCH");
    }
    expect(await layout.hasBlob(descriptor, noSignal)).toBe(false);
  });
});

describe("a layout of somebody else's", () => {
  test("no folder and no tag are not found; a folder that is no layout is named", async () => {
    const dir = temporaryFolder();
    expect(await codeOf(openLayout(join(dir, "nope"), testContext()).listTags(noSignal))).toBe("ARTIFACT_NOT_FOUND");
    expect(await codeOf(openLayout(dir, testContext()).listTags(noSignal))).toBe("LAYOUT_INVALID");
    const { layout } = await pushed(join(dir, "layout"));
    await expect(layout.fetchManifest("2", noSignal)).rejects.toThrow(/not found: oci:.*layout:2/);
  });

  test("names that no tag can have are left out of the list, and that is said", async () => {
    const dir = join(temporaryFolder(), "layout");
    const { digest } = await pushed(dir);
    const entry = (name: string): object => ({
      mediaType: mediaTypes.ociManifest,
      digest,
      size: manifest.byteLength,
      annotations: { "org.opencontainers.image.ref.name": name },
    });
    const names = ["registry.example/tool:1", "\u001b[31mred", "", "2"];
    const index = { schemaVersion: 2, manifests: names.map(entry) };
    writeFileSync(join(dir, "index.json"), JSON.stringify(index));
    const context = testContext();
    expect(await openLayout(dir, context).listTags(noSignal)).toEqual(["2"]);
    expect(context.lines).toEqual([`oci:${dir} lists 3 names that are not valid tags; these names are omitted`]);
  });

  test.each([
    ["oci-layout", "not JSON"],
    ["oci-layout", '{"imageLayoutVersion": "9"}'],
    ["index.json", "[]"],
    ["index.json", '{"manifests": {}}'],
    ["index.json", '{"manifests": [{"mediaType": "x", "digest": "sha256:../../../etc/passwd", "size": 1}]}'],
  ])("%s with %j is refused", async (file, text) => {
    const dir = join(temporaryFolder(), "layout");
    const { layout } = await pushed(dir);
    writeFileSync(join(dir, file), text);
    expect(await codeOf(layout.fetchManifest("1", noSignal))).toBe("LAYOUT_INVALID");
  });

  test("a manifest whose bytes changed, and one over 4 MiB, are refused; a missing one is not found", async () => {
    const dir = join(temporaryFolder(), "layout");
    const { layout, digest } = await pushed(dir);
    const path = join(dir, "blobs/sha256", digest.slice(7));
    writeFileSync(path, `${Buffer.from(manifest)} `);
    expect(await codeOf(layout.fetchManifest("1", noSignal))).toBe("MANIFEST_DIGEST_MISMATCH");
    writeFileSync(path, Buffer.alloc(maxManifestBytes + 1, " "));
    expect(await codeOf(layout.fetchManifest("1", noSignal))).toBe("MANIFEST_TOO_LARGE");
    rmSync(path);
    expect(await codeOf(layout.fetchManifest("1", noSignal))).toBe("ARTIFACT_NOT_FOUND");
  });
});

describe("real clients", () => {
  test("oras reads what we wrote, and we read what oras, crane and skopeo wrote", async (context) => {
    const orasPeer = requireProgram(context, "oras");
    const crane = requireProgram(context, "crane");
    const skopeo = requireProgram(context, "skopeo");
    const registry = await startDockerRegistry(requireProgram(context, "docker-registry"));
    context.onTestFinished(registry.stop);
    const dir = temporaryFolder();
    const call = (program: string, args: readonly string[]): void =>
      void execFileSync(program, args, { cwd: dir, stdio: "pipe" });
    const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
    writeFileSync(join(dir, "tool"), "#!/bin/sh\n");
    mkdirSync(join(dir, "out"));

    expect((await oras(["push", "oci:ours:1", "tool"], { cwd: dir, env })).exitCode).toBe(0);
    call(orasPeer, ["pull", "--oci-layout", "ours:1", "-o", "out/by-oras"]);
    expect(readFileSync(join(dir, "out/by-oras/tool"), "utf8")).toBe("#!/bin/sh\n");
    call(orasPeer, ["copy", "--from-oci-layout", "ours:1", "--to-plain-http", `${registry.host}/t/tool:1`]);

    call(orasPeer, ["copy", "--from-plain-http", `${registry.host}/t/tool:1`, "--to-oci-layout", "theirs-oras:1"]);
    call(crane, ["pull", "--insecure", "--format=oci", `${registry.host}/t/tool:1`, "theirs-crane"]);
    call(skopeo, ["copy", "--src-tls-verify=false", `docker://${registry.host}/t/tool:1`, "oci:theirs-skopeo:1"]);
    const info = await oras(["info", "oci:ours:1", "--json"], { cwd: dir, env });
    const { digest } = JSON.parse(info.stdout) as { digest: string };
    for (const reference of ["oci:theirs-oras:1", `oci:theirs-crane@${digest}`, "oci:theirs-skopeo:1"]) {
      const pulled = await oras(["pull", reference, "--json"], { cwd: dir, env });
      expect(pulled.exitCode, `${reference}: ${pulled.stdout}`).toBe(0);
      expect(JSON.parse(pulled.stdout)).toMatchObject({ manifestDigest: digest });
    }
  });
});
