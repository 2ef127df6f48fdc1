/** A single file that is in the store, and what is known of it: from an earlier pull, or from this one. */
import { LocalIoError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import type { PlatformString } from "../model/platform.ts";
import type { Origin } from "../model/source.ts";
import { findCached } from "./cached.ts";
import type { ArtifactDeps } from "./deps.ts";
import { fetchFile } from "./fetch.ts";
import { fallbackTitle, type NamedLayer, shapeOf } from "./layers.ts";
import { cachedManifests, ManifestNotKeptError } from "./manifests.ts";
import { type ExpandedReference, type ResolvedArtifact, resolveArtifact } from "./resolve.ts";

export interface KnownFile {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** In the store. */
  readonly path: string;
  readonly title: string;
  readonly origin: Origin;
  /** Undefined when it was found by its own digest alone. */
  readonly manifestDigest: Digest | undefined;
  /** Undefined when it is the same for every platform. */
  readonly platform: PlatformString | undefined;
}

/**
 * Resolves a reference from the cache alone: by the digest in it, else by the note on its tag.
 *
 * @returns undefined where a manifest is not in the cache, or nothing is noted.
 */
export async function resolveCached(
  expanded: ExpandedReference,
  deps: ArtifactDeps,
  signal: AbortSignal,
): Promise<ResolvedArtifact | undefined> {
  const { reference } = expanded;
  const note =
    reference.digest === undefined ? await deps.store.readMetadata(expanded.text, expanded.platform) : undefined;
  const digest = reference.digest ?? note?.manifest_digest;
  if (digest === undefined) return undefined;
  try {
    const pinned = { ...expanded, reference: { ...reference, digest } };
    const resolved = await resolveArtifact(pinned, deps, signal, cachedManifests);
    return note === undefined ? resolved : { ...resolved, platform: note.platform ?? undefined };
  } catch (error) {
    if (error instanceof ManifestNotKeptError) return undefined;
    throw error;
  }
}

/**
 * The file that an earlier pull left, without asking anybody: from digest to manifest, layer and content, each verified.
 *
 * @param wanted Digest of the content, if the caller knows it.
 * @param isCertain What the reference meant then is what it means: it names a digest, or nobody can be asked.
 */
export async function findKnown(
  expanded: ExpandedReference,
  wanted: Digest | undefined,
  isCertain: boolean,
  deps: ArtifactDeps,
  signal: AbortSignal,
): Promise<KnownFile | undefined> {
  if (wanted === undefined && !isCertain) return undefined;
  const resolved = await resolveCached(expanded, deps, signal);
  const shape = resolved === undefined ? undefined : shapeOf(resolved.manifest, expanded.reference.location);
  if (resolved !== undefined && shape?.kind === "file") {
    const file = await findOfManifest(resolved, shape.layer, deps, signal);
    if (file !== undefined && (wanted === undefined || wanted === file.digest)) return file;
  }
  const found = wanted === undefined ? undefined : await findCached(wanted, undefined, deps, signal);
  if (found === undefined) return undefined;
  const title = fallbackTitle(expanded.reference.location);
  return { ...found, title, origin: "cache", manifestDigest: undefined, platform: undefined };
}

/**
 * The file of a manifest, if the cache has it. A compressed one is decompressed once more: what a note says of its content cannot be
 * checked in another way, and a cache that CI restored is the user's own and was written by others.
 */
export async function findOfManifest(
  { source, manifestDigest, platform }: ResolvedArtifact,
  layer: NamedLayer,
  deps: ArtifactDeps,
  signal: AbortSignal,
): Promise<KnownFile | undefined> {
  const { digest, size } = layer.descriptor;
  if ((await findCached(digest, size, deps, signal)) === undefined) return undefined;
  return { ...(await fetchFile(source, layer, deps, signal)), manifestDigest, platform };
}

/** Fetches the file of a manifest and notes what the reference meant. */
export async function fetchKnown(
  expanded: ExpandedReference,
  { source, manifestDigest, platform }: ResolvedArtifact,
  layer: NamedLayer,
  deps: ArtifactDeps,
  signal: AbortSignal,
): Promise<KnownFile> {
  const file = await fetchFile(source, layer, deps, signal);
  const metadata = {
    digest: file.digest,
    manifest_digest: manifestDigest,
    size: file.size,
    original_name: file.title,
    platform: platform ?? null,
  };
  try {
    await deps.store.writeMetadata(expanded.text, expanded.platform, metadata);
  } catch (error) {
    // The bytes are there; a note spares a request at most. A cache that is read-only, or somebody else's, has none.
    if (!(error instanceof LocalIoError)) throw error;
    deps.context.log.debug(`${expanded.text} is not noted in the cache: ${error.message}`);
  }
  return { ...file, manifestDigest, platform };
}
