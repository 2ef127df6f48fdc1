/** Manifests that belong to another one, and mean nothing without it: signatures, bills of materials, provenance. */
import { ArtifactNotFoundError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import { parseManifest } from "../model/manifest.ts";
import type { Target } from "../model/source.ts";
import { fallbackTag } from "../registry/referrers.ts";
import { cosignTags, fetchTagged } from "../signature/cosign-tags.ts";

export interface Attached {
  readonly subject: Digest;
  readonly digest: Digest;
  /** The tag by which it was found; undefined for a listed referrer. */
  readonly tag: string | undefined;
}

/** A release has tens; anybody who may push can add more. */
const maxAttached = 1000;

/**
 * Finds the manifests that belong to a manifest, and those that belong to these.
 *
 * The author of a list may have named anything: only a manifest that itself refers to the subject counts.
 */
export async function attachedTo(subject: Digest, target: Target, signal: AbortSignal): Promise<readonly Attached[]> {
  const found = new Map<Digest, Attached>();
  const waiting = [subject];
  for (let next = waiting.shift(); next !== undefined && found.size < maxAttached; next = waiting.shift()) {
    for (const one of await directlyAttached(next, target, signal)) {
      if (one.digest === subject || found.has(one.digest)) continue;
      found.set(one.digest, one);
      waiting.push(one.digest);
    }
  }
  return [...found.values()];
}

async function directlyAttached(subject: Digest, target: Target, signal: AbortSignal): Promise<readonly Attached[]> {
  const found: Attached[] = [];
  for (const { digest } of (await target.listReferrers(subject, signal)).slice(0, maxAttached)) {
    if (await refersTo(subject, digest, target, signal)) found.push({ subject, digest, tag: undefined });
  }
  const list = fallbackTag(subject);
  for (const tag of [list, ...cosignTags(subject)]) {
    const tagged = await fetchTagged(target, tag, signal);
    if (tagged === undefined) continue;
    const { bytes, mediaType, digest } = tagged;
    // The list of referrers is an index; an artifact of this name is somebody's own.
    const isOwn = tag !== list || parseManifest(bytes, mediaType, `${target.name}:${tag}`).kind === "index";
    if (isOwn) found.push({ subject, digest, tag });
  }
  return found;
}

async function refersTo(subject: Digest, digest: Digest, target: Target, signal: AbortSignal): Promise<boolean> {
  try {
    const { bytes, mediaType } = await target.fetchManifest(digest, signal);
    return parseManifest(bytes, mediaType, `${target.name}@${digest}`).subject?.digest === subject;
  } catch (error) {
    if (error instanceof ArtifactNotFoundError) return false;
    throw error;
  }
}
