/**
 * Manifests that are kept in the cache: among the blobs, under the hash of their bytes.
 *
 * A manifest is thereby as safe as a blob, whoever else writes into the cache.
 */
import { asError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import { maxManifestBytes, mediaTypeOf } from "../model/manifest.ts";
import type { FetchedManifest } from "../model/source.ts";
import { findCached } from "./cached.ts";
import type { ArtifactDeps } from "./deps.ts";
import { unlessUnfit } from "./repair.ts";
import { fetchManifestByDigest, type ManifestAccess } from "./resolve.ts";

/** @returns undefined where it is not there, or does not say of itself what it is. */
async function cachedManifest(
  digest: Digest,
  deps: ArtifactDeps,
  signal: AbortSignal,
): Promise<FetchedManifest | undefined> {
  const found = await unlessUnfit(deps, () => findCached(digest, undefined, deps, signal));
  if (found === undefined || found.size > maxManifestBytes) return undefined;
  const read = () => deps.store.read(digest, signal, ({ handle }) => handle.readFile());
  const bytes = await unlessUnfit(deps, read);
  if (bytes === undefined) return undefined;
  const mediaType = mediaTypeOf(bytes);
  return mediaType === undefined ? undefined : { digest, mediaType, bytes };
}

async function keepManifest(
  { digest, bytes }: FetchedManifest,
  deps: ArtifactDeps,
  signal: AbortSignal,
): Promise<void> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  try {
    await deps.store.ingest({ digest, size: bytes.byteLength }, chunks(), signal);
  } catch (error) {
    signal.throwIfAborted();
    // The next pull asks once more.
    deps.context.log.debug(`the manifest ${digest} is not kept: ${asError(error).message}`);
  }
}

/** From the cache, else from where `fetchManifestByDigest` has it; what comes is kept. */
export const keptManifests: ManifestAccess = {
  fetch: async (source, digest, deps, signal) => {
    const cached = await cachedManifest(digest, deps, signal);
    return cached ?? (await fetchManifestByDigest(source, digest, deps, signal));
  },
  keep: keepManifest,
};

/** A manifest that is not in the cache, where nobody may be asked for it. */
export class ManifestNotKeptError extends Error {}

/** From the cache alone. */
export const cachedManifests: ManifestAccess = {
  fetch: async (_source, digest, deps, signal) => {
    const cached = await cachedManifest(digest, deps, signal);
    if (cached === undefined) throw new ManifestNotKeptError(digest);
    return cached;
  },
  keep: async () => {},
};
