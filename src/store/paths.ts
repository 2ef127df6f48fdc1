/** Names and paths in the cache folder. */
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Digest, digestHex } from "../model/digest.ts";

export const cacheNames = {
  /** Verified bytes, by digest. */
  blobs: "oras",
  metadata: "metadata",
  /** Staged writes. */
  tmp: "tmp",
  locks: "locks",
  /** Its time is the last run of retention. */
  stamp: "cleared",
} as const;

/** The folder of a blob, as names below the root. */
export function shardOf(digest: Digest): readonly [string, string] {
  return [cacheNames.blobs, digestHex(digest).slice(0, 2)];
}

/** @param root The cache's root. */
export function blobPath(root: string, digest: Digest): string {
  return join(root, ...shardOf(digest), digestHex(digest));
}

const maxNameLength = 150;

/** A readable file name with a hash, unique for each reference and platform. */
export function metadataName(reference: string, platform: string): string {
  const key = `${reference} ${platform}`;
  const readable = key.replace(/[^A-Za-z0-9._-]+/g, "_").slice(0, maxNameLength);
  const hash = createHash("sha256").update(key).digest("hex").slice(0, 12);
  return `${readable}-${hash}.json`;
}

/** @param root The cache's root. */
export function metadataPath(root: string, reference: string, platform: string): string {
  return join(root, cacheNames.metadata, metadataName(reference, platform));
}

/** Names of staged files; files of other names in `tmp/` are never removed. */
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

/** 16 random hex digits. */
export function uniqueName(): string {
  return randomBytes(8).toString("hex");
}
