/** An OCI image layout that is written document by document, as other clients write layouts. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mediaTypes } from "../../src/model/manifest.ts";
import { sha256 } from "./layout-project.ts";

export interface RawDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly [field: string]: unknown;
}

export interface RawLayout {
  readonly blob: (content: string | Buffer, mediaType: string) => RawDescriptor;
  /** A manifest of files by title; `config` in place of the empty config. */
  readonly manifest: (files: Readonly<Record<string, string | Buffer>>, config?: RawDescriptor | null) => RawDescriptor;
  readonly index: (entries: readonly RawDescriptor[]) => RawDescriptor;
  readonly remove: (digest: string) => void;
  /** Writes `index.json`. */
  readonly entries: (entries: readonly unknown[]) => void;
}

/** @param dir Made if missing. */
export function rawLayout(dir: string): RawLayout {
  mkdirSync(join(dir, "blobs/sha256"), { recursive: true });
  writeFileSync(join(dir, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  const path = (digest: string): string => join(dir, "blobs/sha256", digest.slice("sha256:".length));
  const blob: RawLayout["blob"] = (content, mediaType) => {
    const digest = sha256(content);
    writeFileSync(path(digest), content);
    return { mediaType, digest, size: Buffer.byteLength(content) };
  };
  return {
    blob,
    manifest: (files, config) => {
      const layers = Object.entries(files).map(([title, content]) => ({
        ...blob(content, "application/octet-stream"),
        annotations: { "org.opencontainers.image.title": title },
      }));
      const mediaType = mediaTypes.ociManifest;
      const own = config === undefined ? blob("{}", mediaTypes.empty) : config;
      return blob(JSON.stringify({ schemaVersion: 2, mediaType, config: own, layers }), mediaType);
    },
    index: (manifests) => {
      const mediaType = mediaTypes.ociIndex;
      return blob(JSON.stringify({ schemaVersion: 2, mediaType, manifests }), mediaType);
    },
    remove: (digest) => rmSync(path(digest)),
    entries: (manifests) => writeFileSync(join(dir, "index.json"), JSON.stringify({ schemaVersion: 2, manifests })),
  };
}

/** Names an entry of `index.json`. */
export function tagged(descriptor: RawDescriptor, tag: string): RawDescriptor {
  return { ...descriptor, annotations: { "org.opencontainers.image.ref.name": tag } };
}
