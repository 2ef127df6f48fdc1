/** A single file that is in the store, and what is known of it: from an earlier pull, or from this one. */

import { LocalIoError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import type { PlatformString } from "../model/platform.ts";
import type { Origin } from "../model/source.ts";
import type { Run } from "../transfer/run.ts";
import { findCached } from "./cached.ts";
import { fetchFile } from "./fetch.ts";
import { fallbackTitle, type NamedLayer, shapeOf } from "./layers.ts";
import { cachedManifests, ManifestNotKeptError } from "./manifests.ts";
import { type ExpandedReference, type ResolvedArtifact, resolveArtifact } from "./resolve.ts";
import type { Services } from "./services.ts";

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

export interface KnownFileRequest {
  readonly expanded: ExpandedReference;
  /** Digest of the content, if the caller knows it. */
  readonly wanted: Digest | undefined;
  /** The reference means the same as at the earlier pull: it names a digest, or no source may be asked. */
  readonly isCertain: boolean;
}

/** The only file of an artifact: its layer, and the manifest with this layer. */
export interface ArtifactFile {
  readonly resolved: ResolvedArtifact;
  readonly layer: NamedLayer;
}

/**
 * Resolves a reference from the cache alone: by the digest in it, else by the note on its tag.
 *
 * @returns undefined where a manifest is not in the cache, or nothing is noted.
 */
export async function resolveCached(
  expanded: ExpandedReference,
  services: Services,
  run: Run,
): Promise<ResolvedArtifact | undefined> {
  const { reference } = expanded;
  const note =
    reference.digest === undefined ? await services.store.readMetadata(expanded.text, expanded.platform) : undefined;
  const digest = reference.digest ?? note?.manifest_digest;
  if (digest === undefined) return undefined;
  try {
    const pinned = { ...expanded, reference: { ...reference, digest } };
    const resolved = await resolveArtifact(pinned, services, run, cachedManifests);
    return note === undefined ? resolved : { ...resolved, platform: note.platform ?? undefined };
  } catch (error) {
    if (error instanceof ManifestNotKeptError) return undefined;
    throw error;
  }
}

/**
 * Finds the file that an earlier pull left: from digest to manifest, layer and content, each verified. Makes no request.
 */
export async function findKnown(
  { expanded, wanted, isCertain }: KnownFileRequest,
  services: Services,
  run: Run,
): Promise<KnownFile | undefined> {
  if (wanted === undefined && !isCertain) return undefined;
  const resolved = await resolveCached(expanded, services, run);
  const shape = resolved === undefined ? undefined : shapeOf(resolved.manifest, expanded.reference.location);
  if (resolved !== undefined && shape?.kind === "file") {
    const file = await findOfManifest({ resolved, layer: shape.layer }, services, run);
    if (file !== undefined && (wanted === undefined || wanted === file.digest)) return file;
  }
  const found = wanted === undefined ? undefined : await findCached(wanted, undefined, services, run);
  if (found === undefined) return undefined;
  const title = fallbackTitle(expanded.reference.location);
  return { ...found, title, origin: "cache", manifestDigest: undefined, platform: undefined };
}

/**
 * The file of a manifest, if the cache has it. A compressed one is decompressed once more: what a note says of its content cannot be
 * checked in another way, and a cache that CI restored is the user's own and was written by others.
 */
export async function findOfManifest(
  { resolved: { source, manifestDigest, platform }, layer }: ArtifactFile,
  services: Services,
  run: Run,
): Promise<KnownFile | undefined> {
  const { digest, size } = layer.descriptor;
  if ((await findCached(digest, size, services, run)) === undefined) return undefined;
  return { ...(await fetchFile(source, layer, services, run)), manifestDigest, platform };
}

/** Fetches the file of a manifest and notes what the reference meant. */
export async function fetchKnown(
  expanded: ExpandedReference,
  { resolved: { source, manifestDigest, platform }, layer }: ArtifactFile,
  services: Services,
  run: Run,
): Promise<KnownFile> {
  const file = await fetchFile(source, layer, services, run);
  const metadata = {
    digest: file.digest,
    manifest_digest: manifestDigest,
    size: file.size,
    original_name: file.title,
    platform: platform ?? null,
  };
  try {
    await services.store.writeMetadata(expanded.text, expanded.platform, metadata);
  } catch (error) {
    // The bytes are there; a note spares a request at most. A cache that is read-only, or somebody else's, has none.
    if (!(error instanceof LocalIoError)) throw error;
    services.context.log.debug(`${expanded.text} is not noted in the cache: ${error.message}`);
  }
  return { ...file, manifestDigest, platform };
}
