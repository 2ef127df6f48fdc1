/**
 * Tags below which cosign 1 and 2 keep what belongs to a manifest: signatures, attestations and lists of parts. Such a
 * manifest has no subject, so no list of referrers names it.
 *
 * @see cosign, specs/SIGNATURE_SPEC.md, "Tag-based discovery"
 */
import { ArtifactNotFoundError } from "../errors.ts";
import { type Digest, digestHex } from "../model/digest.ts";
import type { FetchedManifest, Source } from "../model/source.ts";

const suffixes = ["sig", "att", "sbom"] as const;

export function cosignTag(digest: Digest, suffix: (typeof suffixes)[number]): string {
  return `sha256-${digestHex(digest)}.${suffix}`;
}

export function cosignTags(digest: Digest): readonly string[] {
  return suffixes.map((suffix) => cosignTag(digest, suffix));
}

/** @returns Undefined for a missing tag */
export async function fetchTagged(
  source: Source,
  tag: string,
  signal: AbortSignal,
): Promise<FetchedManifest | undefined> {
  try {
    return await source.fetchManifest(tag, signal);
  } catch (error) {
    if (error instanceof ArtifactNotFoundError) return undefined;
    throw error;
  }
}
