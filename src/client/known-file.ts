/** A single file that is in the store, and what is known of it: from an earlier pull, or from this one. */
import { LocalIoError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import type { PlatformString } from "../model/platform.ts";
import { findCached } from "./cached.ts";
import type { ClientDeps } from "./deps.ts";
import { fetchFile, type Origin } from "./fetch.ts";
import { fallbackTitle, type NamedLayer } from "./layers.ts";
import type { ExpandedReference, ResolvedArtifact } from "./resolve.ts";

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
 * The file that an earlier pull left, without asking anybody.
 *
 * @param wanted Digest of the content, if the caller knows it.
 * @param isCertain What the reference meant then is what it means: it names a digest, or nobody can be asked.
 */
export async function findKnown(
  expanded: ExpandedReference,
  wanted: Digest | undefined,
  isCertain: boolean,
  deps: ClientDeps,
  signal: AbortSignal,
): Promise<KnownFile | undefined> {
  if (wanted === undefined && !isCertain) return undefined;
  const metadata = await deps.store.readMetadata(expanded.text, expanded.platform);
  const digest = wanted ?? metadata?.digest;
  const found = digest === undefined ? undefined : await findCached(digest, undefined, deps, signal);
  if (found === undefined) return undefined;
  const own = metadata?.digest === found.digest ? metadata : undefined;
  return {
    ...found,
    title: own?.original_name ?? fallbackTitle(expanded.reference.location),
    origin: "cache",
    manifestDigest: own?.manifest_digest,
    platform: own?.platform ?? undefined,
  };
}

/** The file that an earlier pull of the same manifest left: a compressed one need not be decompressed again. */
export async function findOfManifest(
  expanded: ExpandedReference,
  manifestDigest: Digest,
  deps: ClientDeps,
  signal: AbortSignal,
): Promise<KnownFile | undefined> {
  const known = await findKnown(expanded, undefined, true, deps, signal);
  return known?.manifestDigest === manifestDigest ? known : undefined;
}

/** Fetches the file of a manifest and notes what the reference meant. */
export async function fetchKnown(
  expanded: ExpandedReference,
  { source, manifestDigest, platform }: ResolvedArtifact,
  layer: NamedLayer,
  deps: ClientDeps,
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
    // A cache that is read-only, or somebody else's, is used all the same as long as it has the bytes.
    if (file.origin !== "cache" || !(error instanceof LocalIoError)) throw error;
    deps.context.log.debug(`${expanded.text} is not noted in the cache: ${error.message}`);
  }
  return { ...file, manifestDigest, platform };
}
