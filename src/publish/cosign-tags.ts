/**
 * Tags below which cosign 1 and 2 keep what belongs to a manifest: signatures, attestations and lists of parts. Such a
 * manifest has no subject, so no list of referrers names it.
 *
 * @see cosign, specs/SIGNATURE_SPEC.md, "Tag-based discovery"
 */
import { ArtifactNotFoundError } from "../errors.ts";
import { type Digest, digestHex } from "../model/digest.ts";
import { type Descriptor, parseManifest } from "../model/manifest.ts";
import type { FetchedManifest, Source } from "../model/source.ts";

const suffixes = ["sig", "att", "sbom"] as const;

export function cosignTags(digest: Digest): readonly string[] {
  return suffixes.map((suffix) => `sha256-${digestHex(digest)}.${suffix}`);
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

/** Layers with their annotations: cosign keeps a signature in an annotation, and equal payloads have equal digests. */
function partsOf({ bytes, mediaType }: FetchedManifest): ReadonlySet<string> {
  const parsed = parseManifest(bytes, mediaType, "the manifest of a cosign tag");
  const parts: readonly Descriptor[] = parsed.kind === "index" ? parsed.manifests : parsed.layers;
  return new Set(parts.map(({ digest, annotations }) => JSON.stringify([digest, Object.entries(annotations).sort()])));
}

/** Whether a manifest has all signatures of an older one. */
export function hasAllOf(manifest: FetchedManifest, older: FetchedManifest): boolean {
  const parts = partsOf(manifest);
  return [...partsOf(older)].every((part) => parts.has(part));
}
