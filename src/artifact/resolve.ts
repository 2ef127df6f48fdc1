/** Resolution of references: from the written text to one platform's manifest. */

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

/** A reference without a template: `{platform}` is filled in. */
export interface ExpandedReference {
  readonly reference: Reference;
  /** Canonical text, for messages and notes. */
  readonly text: string;
  /** The requested platform, or this machine's. */
  readonly platform: PlatformString;
  /** True if the written text has `{platform}`: the artifact is then for this platform only. */
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
  /** Digest of the index, or of the manifest without an index. */
  readonly rootDigest: Digest;
  readonly manifestDigest: Digest;
  readonly manifest: ImageManifest;
  /** Undefined for an artifact of all platforms. */
  readonly platform: PlatformString | undefined;
}

/**
 * @param platform The requested platform; undefined: this machine's.
 * @throws {UsageError} for an invalid reference, platform or registry
 */
export function expandReference(
  text: string,
  platform: PlatformString | undefined,
  services: Pick<Services, "context" | "noteNamed" | "settings">,
): ExpandedReference {
  const chosen = platform ?? platformFromNode(services.context.os, services.context.cpu);
  const reference = readReference(expandTemplate(text, chosen), services);
  return { reference, text: formatReference(reference), platform: chosen, isTemplate: isTemplate(text) };
}

/** {@link expandReference} for a reference from the command line. */
export function expandNamedReference(
  text: string,
  platform: PlatformString | undefined,
  services: Pick<Services, "context" | "noteNamed" | "settings">,
): ExpandedReference {
  noteNamed(text, services);
  return expandReference(text, platform, services);
}

/** The digest or tag to request; `latest` without either, as in every OCI client. */
export function versionOf(reference: Reference): Digest | string {
  return reference.digest ?? reference.tag ?? "latest";
}

/** Fetches a reference's manifest or index, in one request. */
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

/** Access to manifests by digest: the way to fetch them, and the place that keeps fetched manifests. */
export interface ManifestAccess {
  readonly fetch: (source: Source, digest: Digest, services: Services, run: Run) => Promise<FetchedManifest>;
  readonly keep: (manifest: FetchedManifest, services: Services, run: Run) => Promise<void>;
}

/** Fetches from the first mirror with the manifest, else from the source. @throws the source's own error */
export async function fetchManifestByDigest(
  source: Source,
  digest: Digest,
  services: Pick<Services, "context" | "settings">,
  run: Run,
): Promise<FetchedManifest> {
  return await fromFirst(source, (from, turn) => from.fetchManifest(digest, turn.signal), services, run);
}

/** Asks the sources each time: commands that change or list a registry need the registry's own state. */
const fromSources: ManifestAccess = { fetch: fetchManifestByDigest, keep: async () => {} };

/** A manifest's digest, and a source of the manifest. */
export interface ManifestAt {
  readonly source: Target;
  readonly digest: Digest;
}

/** Fetches one platform's manifest of an index. @throws {ContentVerificationError} `MANIFEST_INVALID` for an index */
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
  throw new ContentVerificationError(
    "MANIFEST_INVALID",
    `${origin} is an index inside an index, which is unsupported`,
    {
      hint: "push the tool with one index that names each platform's manifest",
    },
  );
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
  const available = [...platforms.keys()].join(", ");
  throw new ArtifactNotFoundError("PLATFORM_NOT_FOUND", `platform ${platform} not found in ${text}`, {
    hint:
      available === ""
        ? `push the artifact for ${platform}: its index names no known platform`
        : `name a platform of the artifact with --platform: ${available}; or push the artifact for ${platform}`,
  });
}

/**
 * Resolves a reference to one platform's manifest, in at most two requests.
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
