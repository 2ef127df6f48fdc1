/**
 * Manifests that are kept in the cache: among the blobs, under the hash of their bytes.
 *
 * A manifest is thereby as safe as a blob, whoever else writes into the cache.
 */

import { asError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import { maxManifestBytes, mediaTypeOf } from "../model/manifest.ts";
import type { FetchedManifest } from "../model/source.ts";
import type { Run } from "../transfer/run.ts";
import { findCached } from "./cached.ts";
import { unlessUnfit } from "./repair.ts";
import { fetchManifestByDigest, type ManifestAccess } from "./resolve.ts";
import type { Services } from "./services.ts";

/** @returns undefined where it is not there, or does not say of itself what it is. */
async function cachedManifest(digest: Digest, services: Services, run: Run): Promise<FetchedManifest | undefined> {
  const found = await unlessUnfit(services, () => findCached(digest, undefined, services, run));
  if (found === undefined || found.size > maxManifestBytes) return undefined;
  const read = () => services.store.read(digest, run.signal, ({ handle }) => handle.readFile());
  const bytes = await unlessUnfit(services, read);
  if (bytes === undefined) return undefined;
  const mediaType = mediaTypeOf(bytes);
  return mediaType === undefined ? undefined : { digest, mediaType, bytes };
}

async function keepManifest({ digest, bytes }: FetchedManifest, services: Services, run: Run): Promise<void> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  try {
    await services.store.ingest({ digest, size: bytes.byteLength }, chunks(), run.signal);
  } catch (error) {
    run.signal.throwIfAborted();
    // The next pull asks once more.
    services.context.log.debug(`the manifest ${digest} is not kept: ${asError(error).message}`);
  }
}

/** From the cache, else from where `fetchManifestByDigest` has it; what comes is kept. */
export const keptManifests: ManifestAccess = {
  fetch: async (source, digest, services, run) => {
    const cached = await cachedManifest(digest, services, run);
    return cached ?? (await fetchManifestByDigest(source, digest, services, run));
  },
  keep: keepManifest,
};

/** A manifest that is not in the cache, where nobody may be asked for it. */
export class ManifestNotKeptError extends Error {}

/** From the cache alone. */
export const cachedManifests: ManifestAccess = {
  fetch: async (_source, digest, services, run) => {
    const cached = await cachedManifest(digest, services, run);
    if (cached === undefined) throw new ManifestNotKeptError(digest);
    return cached;
  },
  keep: async () => {},
};
