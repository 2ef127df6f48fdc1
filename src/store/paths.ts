/** Where things are in the cache folder. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { type Digest, digestHex } from "../model/digest.ts";

export interface StorePaths {
  readonly root: string;
  /** Verified bytes, by digest. */
  readonly blobs: string;
  readonly metadata: string;
  /** Staged writes. */
  readonly tmp: string;
  readonly locks: string;
}

export function storePaths(cacheDir: string): StorePaths {
  return {
    root: cacheDir,
    blobs: join(cacheDir, "oras"),
    metadata: join(cacheDir, "metadata"),
    tmp: join(cacheDir, "tmp"),
    locks: join(cacheDir, "locks"),
  };
}

export function blobPath(paths: StorePaths, digest: Digest): string {
  const hex = digestHex(digest);
  return join(paths.blobs, hex.slice(0, 2), hex);
}

const maxNameLength = 150;

/** A readable file name, made unique by a hash: two references never share one, whatever characters they have. */
export function metadataPath(paths: StorePaths, reference: string, platform: string): string {
  const key = `${reference} ${platform}`;
  const readable = key.replace(/[^A-Za-z0-9._-]+/g, "_").slice(0, maxNameLength);
  const hash = createHash("sha256").update(key).digest("hex").slice(0, 12);
  return join(paths.metadata, `${readable}-${hash}.json`);
}
