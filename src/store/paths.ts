/** Where things are in the cache folder. */
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Digest, digestHex } from "../model/digest.ts";

/** Names in the cache folder. */
export const cacheNames = {
  /** Verified bytes, by digest. */
  blobs: "oras",
  metadata: "metadata",
  /** Staged writes. */
  tmp: "tmp",
  locks: "locks",
  /** Made when retention was done last. */
  stamp: "cleared",
} as const;

/** The folder of a blob, as names below the cache's own folder. */
export function shardOf(digest: Digest): readonly [string, string] {
  return [cacheNames.blobs, digestHex(digest).slice(0, 2)];
}

/** @param root The cache's own folder. */
export function blobPath(root: string, digest: Digest): string {
  return join(root, ...shardOf(digest), digestHex(digest));
}

const maxNameLength = 150;

/** A readable file name, made unique by a hash: two references never share one, whatever characters they have. */
export function metadataName(reference: string, platform: string): string {
  const key = `${reference} ${platform}`;
  const readable = key.replace(/[^A-Za-z0-9._-]+/g, "_").slice(0, maxNameLength);
  const hash = createHash("sha256").update(key).digest("hex").slice(0, 12);
  return `${readable}-${hash}.json`;
}

/** @param root The cache's own folder. */
export function metadataPath(root: string, reference: string, platform: string): string {
  return join(root, cacheNames.metadata, metadataName(reference, platform));
}

/** Staged files: who writes one makes its name of these, and nothing else in `tmp/` is ever removed. */
export const stagedNames = {
  content: (unique: string): string => `content-${unique}`,
  metadata: (unique: string): string => `metadata-${unique}`,
  partial: (digest: Digest, unique: string): string => `${digestHex(digest)}-${unique}.partial`,
};

const ownStagedName = /^(?:(?:content|metadata)-[0-9a-f]{16}|[0-9a-f]{64}-[0-9a-f]{16}\.partial)$/;

export function isStagedName(name: string): boolean {
  return ownStagedName.test(name);
}

export function isPartialOf(digest: Digest, name: string): boolean {
  return isStagedName(name) && name.startsWith(`${digestHex(digest)}-`);
}

/** Hex digits of its own for each call. */
export function uniqueName(): string {
  return randomBytes(8).toString("hex");
}
