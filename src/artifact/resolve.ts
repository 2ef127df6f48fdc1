/** From a reference as written to the one manifest that it means on one platform. */

import { ArtifactNotFoundError, ContentVerificationError } from "../errors.ts";
import { type Digest, isDigest } from "../model/digest.ts";
import { type ImageIndex, type ImageManifest, parseManifest, platformsOf } from "../model/manifest.ts";
import { type PlatformString, platformFromNode } from "../model/platform.ts";
import { expandTemplate, formatReference, isTemplate, type Reference } from "../model/reference.ts";
import type { FetchedManifest, Source, Target } from "../model/source.ts";
import type { Run } from "../transfer/run.ts";
import { fromFirst } from "../transfer/sources.ts";
import { noteNamed, readReference } from "./naming.ts";
import type { Services } from "./services.ts";

/** A reference whose template, if it was one, has been filled in. */
export interface ExpandedReference {
  readonly reference: Reference;
  /** Canonical text, for messages and metadata. */
  readonly text: string;
  /** The platform asked for, or this machine's. */
  readonly platform: PlatformString;
  /** The text as written had `{platform}` in it, so what it names is for that platform. */
  readonly isTemplate: boolean;
}

/** The document that a reference names: a manifest, or an index of manifests. */
export interface FetchedRoot {
  readonly source: Target;
  readonly root: FetchedManifest;
  readonly parsed: ImageManifest | ImageIndex;
}

export interface ResolvedArtifact {
  readonly source: Target;
  /** Digest of the index, or of the manifest when there is no index. */
  readonly rootDigest: Digest;
  readonly manifestDigest: Digest;
  readonly manifest: ImageManifest;
  /** Undefined when the artifact is the same for every platform. */
  readonly platform: PlatformString | undefined;
}

/**
 * @param platform As asked for; undefined means this machine's.
 * @throws {UsageError} for a reference, platform or registry that is not one
 */
export function expandReference(
  text: string,
  platform: PlatformString | undefined,
  services: Services,
): ExpandedReference {
  const chosen = platform ?? platformFromNode(services.context.os, services.context.cpu);
  const reference = readReference(expandTemplate(text, chosen), services);
  return { reference, text: formatReference(reference), platform: chosen, isTemplate: isTemplate(text) };
}

/** {@link expandReference} for what the command line names. */
export function expandNamedReference(
  text: string,
  platform: PlatformString | undefined,
  services: Services,
): ExpandedReference {
  noteNamed(text, services);
  return expandReference(text, platform, services);
}

/** The tag or digest to ask for; a reference without either means `latest`, as every OCI client has it. */
export function versionOf(reference: Reference): Digest | string {
  return reference.digest ?? reference.tag ?? "latest";
}

/** Fetches what the reference names, in one request. */
export async function fetchRoot(
  reference: Reference,
  services: Services,
  run: Run,
  access: ManifestAccess = fromSources,
): Promise<FetchedRoot> {
  const text = formatReference(reference);
  const source = services.open(reference.location);
  const version = versionOf(reference);
  const root = isDigest(version)
    ? await access.fetch(source, version, services, run)
    : await source.fetchManifest(version, run.signal);
  return { source, root, parsed: parseManifest(root.bytes, root.mediaType, text) };
}

/** Where manifests that are named by digest come from, and what becomes of those that were fetched. */
export interface ManifestAccess {
  readonly fetch: (source: Source, digest: Digest, services: Services, run: Run) => Promise<FetchedManifest>;
  readonly keep: (manifest: FetchedManifest, services: Services, run: Run) => Promise<void>;
}

/** From the first mirror that has it, else from the source itself, whose error is the one that is thrown. */
export async function fetchManifestByDigest(
  source: Source,
  digest: Digest,
  services: Services,
  run: Run,
): Promise<FetchedManifest> {
  return await fromFirst(source, (from, turn) => from.fetchManifest(digest, turn.signal), services, run);
}

/** Asks the sources each time: what is done to a registry, or asked of it, is about what it has. */
const fromSources: ManifestAccess = { fetch: fetchManifestByDigest, keep: async () => {} };

/** A manifest by its digest. */
export interface ManifestAt {
  readonly source: Target;
  readonly digest: Digest;
}

/** Fetches the manifest that an index has for one platform. */
export async function fetchPlatformManifest(
  { source, digest }: ManifestAt,
  services: Services,
  run: Run,
  access: ManifestAccess = fromSources,
): Promise<ImageManifest> {
  const fetched = await access.fetch(source, digest, services, run);
  await access.keep(fetched, services, run);
  const origin = `${source.name}@${digest}`;
  const parsed = parseManifest(fetched.bytes, fetched.mediaType, origin);
  if (parsed.kind === "manifest") return parsed;
  throw new ContentVerificationError("MANIFEST_INVALID", `${origin} is an index inside an index, which is not read`, {
    hint: "push the tool with one index that names each platform's manifest",
  });
}

function chooseManifest(
  index: ImageIndex,
  platform: PlatformString,
  text: string,
): { digest: Digest; isForAll: boolean } {
  const platforms = platformsOf(index);
  const chosen = platforms.get(platform);
  if (chosen !== undefined) return { digest: chosen.digest, isForAll: false };
  const [only] = index.manifests;
  if (index.manifests.length === 1 && only !== undefined && only.platform === undefined) {
    return { digest: only.digest, isForAll: true };
  }
  const available = [...platforms.keys()].join(", ") || "none that is known";
  throw new ArtifactNotFoundError("PLATFORM_NOT_FOUND", `platform ${platform} not found in ${text}`, {
    hint: `it has: ${available}; name one with --platform, or push the missing one`,
  });
}

/**
 * One manifest for one platform: at most two requests.
 *
 * @throws {ArtifactNotFoundError} `ARTIFACT_NOT_FOUND`, `PLATFORM_NOT_FOUND`
 */
export async function resolveArtifact(
  { reference, text, platform, isTemplate }: ExpandedReference,
  services: Services,
  run: Run,
  access: ManifestAccess = fromSources,
): Promise<ResolvedArtifact> {
  const { source, root, parsed } = await fetchRoot(reference, services, run, access);
  await access.keep(root, services, run);
  if (parsed.kind === "manifest") {
    return {
      source,
      rootDigest: root.digest,
      manifestDigest: root.digest,
      manifest: parsed,
      platform: isTemplate ? platform : undefined,
    };
  }
  const chosen = chooseManifest(parsed, platform, text);
  return {
    source,
    rootDigest: root.digest,
    manifestDigest: chosen.digest,
    manifest: await fetchPlatformManifest({ source, digest: chosen.digest }, services, run, access),
    platform: chosen.isForAll ? undefined : platform,
  };
}
