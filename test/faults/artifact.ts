/** The one artifact of all scenarios: in a registry, in an OCI image layout, and as a file. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Storage } from "../support/registry/in-process/storage.ts";
import { blob } from "./scenarios/scenario.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export const blobDigest: string = digestOf(blob);
const config = Buffer.from("{}");
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    artifactType: "application/vnd.example.tool",
    config: { mediaType: "application/vnd.oci.empty.v1+json", digest: digestOf(config), size: config.length },
    layers: [
      {
        mediaType: "application/octet-stream",
        digest: blobDigest,
        size: blob.length,
        annotations: { "org.opencontainers.image.title": "tool" },
      },
    ],
  }),
);

/** Puts it there as `t/tool:1`, as `oras push` would. */
export function fillRegistry(storage: Storage): void {
  const { blobs, manifests, tags } = storage.open("t/tool");
  for (const bytes of [blob, config]) blobs.set(digestOf(bytes), bytes);
  manifests.set(digestOf(manifest), { mediaType: manifestType, bytes: manifest });
  tags.set("1", digestOf(manifest));
}

/** True when `t/tool:1` is there, the blob and all else that its manifest names. */
export function isInRegistry(storage: Storage): boolean {
  const { blobs, manifests, tags } = storage.open("t/tool");
  const tagged = manifests.get(tags.get("1") ?? "");
  if (tagged === undefined) return false;
  const { config: named, layers } = JSON.parse(tagged.bytes.toString()) as {
    readonly config: { readonly digest: string };
    readonly layers: readonly { readonly digest: string }[];
  };
  return blobs.has(blobDigest) && [named, ...layers].every(({ digest }) => blobs.has(digest));
}

/** Makes an OCI image layout of it, for those who push one. */
export function writeLayout(dir: string): void {
  mkdirSync(join(dir, "blobs/sha256"), { recursive: true });
  for (const bytes of [blob, config, manifest])
    writeFileSync(join(dir, "blobs", digestOf(bytes).replace(":", "/")), bytes);
  const descriptor = { mediaType: manifestType, digest: digestOf(manifest), size: manifest.length };
  writeFileSync(join(dir, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(join(dir, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }));
}

/** True when any file below the folder has the blob's bytes. */
export function isInFolder(dir: string): boolean {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  return entries.some((entry) => {
    const path = join(entry.parentPath, entry.name);
    return entry.isFile() && statSync(path).size === blob.length && readFileSync(path).equals(blob);
  });
}
