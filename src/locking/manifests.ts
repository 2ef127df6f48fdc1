/** Look-up of a reference's manifests for a lock: one for each platform. */

import { otherPlatform } from "../artifact/config-platform.ts";
import type { ManifestAccess } from "../artifact/manifest-access.ts";
import { keptManifests } from "../artifact/manifests.ts";
import {
  expandReference,
  type FetchedRoot,
  fetchArtifact,
  fetchManifestByDigest,
  fetchPlatformManifest,
  missingManifest,
  platformHint,
  statedPlatform,
  warnOfVariant,
} from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { ArtifactNotFoundError, OrasClientError } from "../errors.ts";
import { anyPlatform, type LockPlatform } from "../lockfile/schema.ts";
import type { Digest } from "../model/digest.ts";
import { manifestForAll, platformsOf } from "../model/index-platforms.ts";
import type { Location } from "../model/location.ts";
import type { Annotations, ImageManifest } from "../model/manifest.ts";
import { type PlatformString, platformFromOci, platformStrings } from "../model/platform.ts";
import { isTemplate, type Reference } from "../model/reference.ts";
import type { Target } from "../model/source.ts";
import { inParallel } from "../parallel.ts";
import { type Run, withSignal } from "../transfer/run.ts";

export interface FoundManifest {
  readonly platform: LockPlatform;
  readonly source: Target;
  readonly digest: Digest;
  readonly manifest: ImageManifest;
  /** Annotations of the document that the reference names: an index, or the manifest itself. */
  readonly rootAnnotations: Annotations;
  readonly location: Location;
}

/** Fetches and keeps a root: `lock check --online` reads it again, and some registries count each request. */
async function fetchKeptRoot(reference: Reference, services: Services, run: Run): Promise<FetchedRoot> {
  const fetched = await fetchArtifact(reference, services, run, keeping);
  await keptManifests.keep(fetched.root, services, run);
  return fetched;
}

/** The source's own state, kept for later commands. */
const keeping: ManifestAccess = { ...keptManifests, fetch: fetchManifestByDigest };

async function fetchKeptManifest(source: Target, digest: Digest, services: Services, run: Run): Promise<ImageManifest> {
  return await fetchPlatformManifest({ source, digest }, services, run, keeping);
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
  const all = isTemplate(text)
    ? await findByTemplate(text, wanted, services, run)
    : await findByIndex(text, wanted, services, run);
  const [only] = all.found;
  // The only manifest of a reference without platforms is locked under the platforms that the user names.
  if (only?.platform === anyPlatform && wanted.length > 0) {
    return { ...all, found: wanted.map((platform) => ({ ...only, platform })) };
  }
  const missing = wanted.filter((one) => !all.found.some(({ platform }) => platform === one));
  if (missing.length === 0) return all;
  const available = all.found.map(({ platform }) => platform).join(", ");
  throw new ArtifactNotFoundError("PLATFORM_NOT_FOUND", `platform ${missing.join(", ")} not found in ${text}`, {
    hint: `name other platforms with --platform${available === "" ? "" : `, such as ${available}`}; or push the artifact for ${missing.join(", ")}`,
  });
}

async function findByIndex(
  text: string,
  wanted: readonly PlatformString[],
  services: Services,
  run: Run,
): Promise<Found> {
  const { reference } = expandReference(text, undefined, services);
  const { source, root, parsed } = await services.slots.run(() => fetchKeptRoot(reference, services, run));
  const { location } = reference;
  const { digest } = root;
  const { annotations: rootAnnotations } = parsed;
  if (parsed.kind === "manifest") {
    const platform = await platformOfOnly({ source, manifest: parsed }, { text, wanted }, services, run);
    return { digest, found: [{ platform, source, digest, manifest: parsed, rootAnnotations, location }] };
  }
  const forAll = manifestForAll(parsed);
  if (forAll !== undefined) {
    const manifest = await services.slots.run(() => fetchKeptManifest(source, forAll.digest, services, run));
    // Not `any`: the lock's digest is then the manifest's own, and here it is the index's.
    const platforms = wanted.length > 0 ? wanted : platformStrings;
    const one = { source, digest: forAll.digest, manifest, rootAnnotations, location };
    return { digest, found: platforms.map((platform) => ({ platform, ...one })) };
  }
  const available = platformsOf(parsed);
  const absent = wanted.filter((platform) => !available.has(platform)).join(", ");
  if (absent !== "" || available.size === 0) {
    const message =
      absent === "" ? `not found: a known platform in the index of ${text}` : `platform ${absent} not found in ${text}`;
    throw new ArtifactNotFoundError("PLATFORM_NOT_FOUND", message, {
      hint: platformHint(parsed, absent === "" ? `one of ${platformStrings.join(", ")}` : absent),
    });
  }
  const listed = [...available].filter(([platform]) => wanted.length === 0 || wanted.includes(platform));
  const found = await inParallel(listed, run.signal, async ([platform, descriptor], either) => {
    const fetch = () => fetchKeptManifest(source, descriptor.digest, services, withSignal(run, either));
    const manifest = await orMissing(() => services.slots.run(fetch));
    if (manifest instanceof ArtifactNotFoundError)
      return { platform, digest: descriptor.digest, missing: manifest } as const;
    warnOfVariant(text, descriptor.platform, services);
    return { platform, source, digest: descriptor.digest, manifest, rootAnnotations, location };
  });
  const there = found.flatMap((one) => ("missing" in one ? [] : [one]));
  for (const one of found) {
    if (!("missing" in one)) continue;
    const error = missingManifest(text, one, one.missing);
    if (wanted.length > 0 || there.length === 0) throw error;
    services.context.log.warn(`${error.message}; ${one.platform} is not locked`);
  }
  return { digest, found: there };
}

/** The work's result, or its error if something is not there. */
async function orMissing<T>(work: () => Promise<T>): Promise<T | ArtifactNotFoundError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ArtifactNotFoundError) return error;
    throw error;
  }
}

/** The platform of a reference's only manifest. @throws {ArtifactNotFoundError} for a platform outside the table */
async function platformOfOnly(
  at: { readonly source: Target; readonly manifest: ImageManifest },
  { text, wanted }: { readonly text: string; readonly wanted: readonly PlatformString[] },
  services: Services,
  run: Run,
): Promise<LockPlatform> {
  const stated = await statedPlatform(at, services, run, keeping);
  if (stated === undefined) return anyPlatform;
  const platform = platformFromOci(stated);
  const other = wanted.find((one) => one !== platform);
  if (other !== undefined) throw otherPlatform(text, other, stated);
  if (platform === undefined) throw otherPlatform(text, platformStrings[0] ?? "linux-x86_64", stated);
  warnOfVariant(text, stated, services);
  return platform;
}

/** Looks up one tag per platform; missing tags are left out. */
async function findByTemplate(
  text: string,
  wanted: readonly PlatformString[],
  services: Services,
  run: Run,
): Promise<Found> {
  const looked = wanted.length === 0 ? platformStrings : wanted;
  const attempts = await inParallel(looked, run.signal, (platform, either) =>
    findForPlatform(text, platform, services, withSignal(run, either)),
  );
  const found = attempts.filter((attempt) => attempt !== undefined);
  if (found.length === 0) {
    throw new ArtifactNotFoundError("ARTIFACT_NOT_FOUND", `not found: ${text} for any of ${looked.join(", ")}`, {
      hint: "check the tags with `buck2-oras list`",
    });
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
    const common = { platform, source, rootAnnotations: parsed.annotations, location: reference.location };
    if (parsed.kind === "manifest") return { ...common, digest: root.digest, manifest: parsed };
    const digest = (platformsOf(parsed).get(platform) ?? manifestForAll(parsed))?.digest;
    if (digest === undefined) return undefined;
    const manifest = await services.slots.run(() => fetchKeptManifest(source, digest, services, run));
    return { ...common, digest, manifest };
  } catch (error) {
    if (error instanceof OrasClientError && error.code === "ARTIFACT_NOT_FOUND") return undefined;
    throw error;
  }
}
