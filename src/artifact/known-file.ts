/** The single file of an artifact in the store: found from an earlier pull, or fetched by this pull. */

import { LocalIoError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import type { PlatformString } from "../model/platform.ts";
import type { Origin } from "../model/source.ts";
import type { Run } from "../transfer/run.ts";
import type { TransferServices } from "../transfer/services.ts";
import { findCached } from "./cached.ts";
import { fetchFile } from "./fetch-file.ts";
import { fallbackTitle, type NamedLayer, shapeOf } from "./layers.ts";
import { cachedManifests, ManifestNotKeptError } from "./manifests.ts";
import { type ExpandedReference, type ResolvedArtifact, resolveArtifact } from "./resolve.ts";
import type { Services } from "./services.ts";

export interface KnownFile {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** Path in the store. */
  readonly path: string;
  readonly title: string;
  readonly origin: Origin;
  /** Undefined for a file that was found by its own digest alone. */
  readonly manifestDigest: Digest | undefined;
  /** Undefined for a file of all platforms, and for a file that was found by its own digest alone. */
  readonly platform: PlatformString | undefined;
}

export interface KnownFileRequest {
  readonly expanded: ExpandedReference;
  /** Expected digest of the content; undefined: not known. */
  readonly wanted: Digest | undefined;
  /** True if the cache decides the reference's meaning: the reference names a digest, or no source may be asked. */
  readonly isCertain: boolean;
}

/** The only file of an artifact: its layer, and the resolved manifest. */
export interface ArtifactFile {
  readonly resolved: ResolvedArtifact;
  readonly layer: NamedLayer;
}

/**
 * Resolves a reference from the cache alone: by its digest, else by its tag's note.
 *
 * @returns undefined without a note, and for a manifest that is not in the cache.
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
 * Finds an earlier pull's file without any request: from digest to manifest, layer and content, each verified.
 *
 * @returns undefined for a file that is not in the cache, or is not the wanted file.
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
 * Finds a manifest's file in the cache. A compressed file is decompressed again: nothing else proves the content's
 * digest in a note, and a cache that CI restored belongs to the user although others wrote the notes.
 *
 * @returns undefined for a layer that is not in the cache.
 */
async function findOfManifest(
  file: ArtifactFile,
  services: TransferServices,
  run: Run,
): Promise<KnownFile | undefined> {
  const { digest, size } = file.layer.descriptor;
  if ((await findCached(digest, size, services, run)) === undefined) return undefined;
  return await fetchOfManifest(file, services, run);
}

/** The manifest's file, from the cache or the source. */
export async function fetchOfManifest(
  { resolved: { source, manifestDigest, platform }, layer }: ArtifactFile,
  services: TransferServices,
  run: Run,
): Promise<KnownFile> {
  const file = await fetchFile({ source, layer, format: undefined, manifest: manifestDigest }, services, run);
  return { ...file, manifestDigest, platform };
}

/** Facts of the noted file; of a folder its manifest's digest, and the size of all files. */
type Noted = Pick<KnownFile, "digest" | "size" | "title">;

/**
 * Notes the reference's meaning in the cache, for a later `--offline`. Every look at the source is noted, whether or not
 * the bytes were in the cache already: a tag may have moved to an artifact that another command fetched.
 */
export async function noteMeaning(
  expanded: ExpandedReference,
  { manifestDigest, platform }: Pick<ResolvedArtifact, "manifestDigest" | "platform">,
  { digest, size, title }: Noted,
  { store, context }: Pick<Services, "store" | "context">,
): Promise<void> {
  const note = { digest, manifest_digest: manifestDigest, size, original_name: title, platform: platform ?? null };
  try {
    await store.writeMetadata(expanded.text, expanded.platform, note);
  } catch (error) {
    // The file is in the store, and a note only saves a request. A read-only or foreign cache takes no note.
    if (!(error instanceof LocalIoError)) throw error;
    context.log.debug(`${expanded.text} is not noted in the cache: ${error.message}`);
  }
}
