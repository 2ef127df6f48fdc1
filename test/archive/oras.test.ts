/** Folders as `oras push` packs them, and ours as `oras pull` unpacks them; by an OCI layout, so that no server is needed. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import { sniffFile } from "../../src/archive/format.ts";
import { packFolder } from "../../src/archive/pack.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { neverAborted, treeOf } from "./folders.ts";

const gzip = { format: "gzip", level: 9 } as const;

const signal = neverAborted;

function makeTree(): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "tool/bin"), { recursive: true });
  mkdirSync(join(folder, "tool/empty"));
  writeFileSync(join(folder, "tool/bin/run"), "#!/bin/sh\n");
  chmodSync(join(folder, "tool/bin/run"), 0o755);
  writeFileSync(join(folder, "tool/note"), "text");
  chmodSync(join(folder, "tool/note"), 0o644);
  symlinkSync("bin/run", join(folder, "tool/alias"));
  for (const path of ["tool", "tool/bin", "tool/empty"]) chmodSync(join(folder, path), 0o755);
  return folder;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

function blobPath(layout: string, digest: string): string {
  return join(layout, "blobs", "sha256", digest.slice("sha256:".length));
}

test("extract: the folder that oras pushed", async (context) => {
  const oras = requireProgram(context, "oras");
  const folder = makeTree();
  execFileSync(oras, ["push", "--oci-layout", "layout:v1", "tool"], { cwd: folder, stdio: "pipe" });
  const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));
  const layout = join(folder, "layout");
  const manifest: Descriptor = read(join(layout, "index.json")).manifests[0];
  const layer: Descriptor = read(blobPath(layout, manifest.digest)).layers[0];
  expect(layer.annotations).toMatchObject({ "io.deis.oras.content.unpack": "true" });
  const blob = blobPath(layout, layer.digest);
  expect(await sniffFile(blob)).toBe("tar.gz");
  const out = join(folder, "out");
  await extractArchive(blob, out, { signal });
  expect(treeOf(join(out, "tool"))).toEqual(treeOf(join(folder, "tool")));
});

test.for(["tool", "some/tool"])("pack: oras pulls the folder with the title %j as it was", async (title, context) => {
  const oras = requireProgram(context, "oras");
  const folder = makeTree();
  const layout = join(folder, "layout");
  mkdirSync(join(layout, "blobs", "sha256"), { recursive: true });
  const put = (mediaType: string, document: unknown): Descriptor => {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    writeFileSync(blobPath(layout, digest), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const packed = await packFolder(join(folder, "tool"), join(folder, "packed"), {
    root: title,
    compressor: gzip,
    signal,
  });
  copyFileSync(join(folder, "packed"), blobPath(layout, packed.digest));
  const layer: Descriptor = {
    mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
    digest: packed.digest,
    size: packed.size,
    annotations: {
      "io.deis.oras.content.digest": packed.uncompressedDigest,
      "io.deis.oras.content.unpack": "true",
      "org.opencontainers.image.title": title,
    },
  };
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const config = put("application/vnd.oci.empty.v1+json", {});
  const manifest = put(mediaType, { schemaVersion: 2, mediaType, artifactType: "test/tool", config, layers: [layer] });
  const tagged = { ...manifest, annotations: { "org.opencontainers.image.ref.name": "v1" } };
  writeFileSync(join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [tagged] }));
  writeFileSync(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  execFileSync(oras, ["pull", "--oci-layout", "layout:v1", "-o", "out"], { cwd: folder, stdio: "pipe" });
  expect(treeOf(join(folder, "out", title))).toEqual(treeOf(join(folder, "tool")));
});
