/** Look-up of a reference's manifests for a lock: one for each platform. */
import { keptManifests } from "../artifact/manifests.ts";
import {
  expandReference,
  type FetchedRoot,
  fetchManifestByDigest,
  fetchPlatformManifest,
  fetchRoot,
} from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { ArtifactNotFoundError, OrasClientError } from "../errors.ts";
import { anyPlatform, type LockPlatform } from "../lockfile/schema.ts";
import type { Digest } from "../model/digest.ts";
import { type ImageManifest, platformsOf } from "../model/manifest.ts";
import { type PlatformString, platformStrings } from "../model/platform.ts";
import { isTemplate, type Location, type Reference } from "../model/reference.ts";
import type { Target } from "../model/source.ts";
import { inParallel } from "../parallel.ts";
import { type Run, withSignal } from "../transfer/run.ts";

export interface FoundManifest {
  readonly platform: LockPlatform;
  readonly source: Target;
  readonly digest: Digest;
  readonly manifest: ImageManifest;
  readonly location: Location;
}

/** Fetches and keeps a root: `lock check --online` reads it again, and some registries count each request. */
async function fetchKeptRoot(reference: Reference, services: Services, run: Run): Promise<FetchedRoot> {
  const fetched = await fetchRoot(reference, services, run);
  await keptManifests.keep(fetched.root, services, run);
  return fetched;
}

async function fetchKeptManifest(source: Target, digest: Digest, services: Services, run: Run): Promise<ImageManifest> {
  const access = { ...keptManifests, fetch: fetchManifestByDigest };
  return await fetchPlatformManifest({ source, digest }, services, run, access);
}

/** The manifests of a reference. */
export interface Found {
  /** Digest of the index, or of the only manifest; undefined for a template. */
  readonly digest: Digest | undefined;
  readonly found: readonly FoundManifest[];
}

/**
 * Finds the manifest of each platform.
 *
 * @param wanted Platforms to find; empty: all platforms of the reference.
 * @throws {ArtifactNotFoundError} `PLATFORM_NOT_FOUND` for a wanted platform that the reference lacks
 */
export async function findManifests(
  text: string,
  wanted: readonly PlatformString[],
  services: Services,
  run: Run,
): Promise<Found> {
  const all = isTemplate(text) ? await findByTemplate(text, services, run) : await findByIndex(text, services, run);
  if (wanted.length === 0) return all;
  const [only] = all.found;
  // The only manifest of a reference without platforms is locked under the platforms that the user names.
  if (only?.platform === anyPlatform) return { ...all, found: wanted.map((platform) => ({ ...only, platform })) };
  const found = all.found.filter(({ platform }) => wanted.some((one) => one === platform));
  const missing = wanted.filter((one) => !found.some(({ platform }) => platform === one));
  if (missing.length === 0) return { ...all, found };
  throw new ArtifactNotFoundError("PLATFORM_NOT_FOUND", `platform ${missing.join(", ")} not found in ${text}`, {
    hint: `name a platform of the artifact with --platform: ${all.found.map(({ platform }) => platform).join(", ")}`,
  });
}

async function findByIndex(text: string, services: Services, run: Run): Promise<Found> {
  const { reference } = expandReference(text, undefined, services);
  const { source, root, parsed } = await services.slots.run(() => fetchKeptRoot(reference, services, run));
  const { location } = reference;
  if (parsed.kind === "manifest") {
    return {
      digest: root.digest,
      found: [{ platform: anyPlatform, source, digest: root.digest, manifest: parsed, location }],
    };
  }
  const found = await inParallel([...platformsOf(parsed)], run.signal, async ([platform, { digest }], either) => {
    const manifest = await services.slots.run(() =>
      fetchKeptManifest(source, digest, services, withSignal(run, either)),
    );
    return { platform, source, digest, manifest, location };
  });
  if (found.length === 0) {
    throw new ArtifactNotFoundError("PLATFORM_NOT_FOUND", `not found: a known platform in the index of ${text}`, {
      hint: `push the tool for one of ${platformStrings.join(", ")}`,
    });
  }
  return { digest: root.digest, found };
}

/** Looks up one tag per platform; missing tags are left out. */
async function findByTemplate(text: string, services: Services, run: Run): Promise<Found> {
  const attempts = await inParallel(platformStrings, run.signal, (platform, either) =>
    findForPlatform(text, platform, services, withSignal(run, either)),
  );
  const found = attempts.filter((attempt) => attempt !== undefined);
  if (found.length === 0) {
    throw new ArtifactNotFoundError(
      "ARTIFACT_NOT_FOUND",
      `not found: ${text} for any of ${platformStrings.join(", ")}`,
      {
        hint: "check the tags with `buck2-oras list`",
      },
    );
  }
  return { digest: undefined, found };
}

async function findForPlatform(
  text: string,
  platform: PlatformString,
  services: Services,
  run: Run,
): Promise<FoundManifest | undefined> {
  const { reference } = expandReference(text, platform, services);
  try {
    const { source, root, parsed } = await services.slots.run(() => fetchKeptRoot(reference, services, run));
    const { location } = reference;
    if (parsed.kind === "manifest") return { platform, source, digest: root.digest, manifest: parsed, location };
    const digest = platformsOf(parsed).get(platform)?.digest;
    if (digest === undefined) return undefined;
    const manifest = await services.slots.run(() => fetchKeptManifest(source, digest, services, run));
    return { platform, source, digest, manifest, location };
  } catch (error) {
    if (error instanceof OrasClientError && error.code === "ARTIFACT_NOT_FOUND") return undefined;
    throw error;
  }
}
