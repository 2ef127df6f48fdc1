/**
 * Manifests in the cache, stored among the blobs under the hash of their bytes.
 *
 * The hash protects a manifest, like any blob, against other writers of the cache.
 */

import { asError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import { maxManifestBytes, mediaTypeOf } from "../model/manifest.ts";
import type { FetchedManifest } from "../model/source.ts";
import type { Run } from "../transfer/run.ts";
import { findCached } from "./cached.ts";
import { fetchConfig } from "./config-platform.ts";
import type { ManifestAccess } from "./manifest-access.ts";
import { unlessUnfit } from "./repair.ts";
import { fetchManifestByDigest } from "./resolve.ts";
import type { Services } from "./services.ts";

/** @returns undefined for a manifest that is missing, too large, or without a clear media type. */
async function cachedManifest(
  digest: Digest,
  services: Pick<Services, "context" | "settings" | "store">,
  run: Run,
): Promise<FetchedManifest | undefined> {
  const found = await unlessUnfit(services, () => findCached(digest, undefined, services, run));
  if (found === undefined || found.size > maxManifestBytes) return undefined;
  const read = () => services.store.read(digest, run.signal, ({ handle }) => handle.readFile());
  const bytes = await unlessUnfit(services, read);
  if (bytes === undefined) return undefined;
  const mediaType = mediaTypeOf(bytes);
  return mediaType === undefined ? undefined : { digest, mediaType, bytes };
}

async function keepManifest(
  { digest, bytes }: FetchedManifest,
  services: Pick<Services, "context" | "store">,
  run: Run,
): Promise<void> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  try {
    await services.store.ingest({ digest, size: bytes.byteLength }, chunks(), run.signal);
  } catch (error) {
    run.signal.throwIfAborted();
    // A manifest that was not kept only costs the next pull a request.
    services.context.log.debug(`the manifest ${digest} is not kept: ${asError(error).message}`);
  }
}

/** Reads manifests from the cache, else from the sources; fetched manifests are kept. */
export const keptManifests: ManifestAccess = {
  fetch: async (source, digest, services, run) => {
    const cached = await cachedManifest(digest, services, run);
    return cached ?? (await fetchManifestByDigest(source, digest, services, run));
  },
  keep: keepManifest,
  config: fetchConfig,
};

/** Thrown for a manifest that is not in the cache while no source may be asked. */
export class ManifestNotKeptError extends Error {}

/** Reads manifests from the cache alone. */
export const cachedManifests: ManifestAccess = {
  fetch: async (_source, digest, services, run) => {
    const cached = await cachedManifest(digest, services, run);
    if (cached === undefined) throw new ManifestNotKeptError(digest);
    return cached;
  },
  keep: async () => {},
  config: async ({ config }, services, run) => {
    const { digest, size } = config;
    if ((await findCached(digest, size, services, run)) !== undefined) {
      return await services.store.read(digest, run.signal, ({ handle }) => handle.readFile());
    }
    // An older cache has manifests without their configs. Offline, such a manifest counts for every platform.
    if (services.settings.isOffline) return undefined;
    throw new ManifestNotKeptError(digest);
  },
};
