/** Resolution of references: from the written text to one platform's manifest. */

import { ArtifactNotFoundError, ContentVerificationError } from "../errors.ts";
import { type Digest, isDigest } from "../model/digest.ts";
import { manifestForAll, otherPlatformsOf, platformsOf } from "../model/index-platforms.ts";
import { listed } from "../model/listed.ts";
import { type ImageIndex, type ImageManifest, parseManifest } from "../model/manifest.ts";
import {
  formatStated,
  type PlatformString,
  platformFromNode,
  platformFromOci,
  type StatedPlatform,
  variantRank,
} from "../model/platform.ts";
import { expandTemplate, formatReference, isTemplate, type Reference } from "../model/reference.ts";
import type { FetchedManifest, Source, Target } from "../model/source.ts";
import { printable } from "../printable.ts";
import type { Run } from "../transfer/run.ts";
import { fromFirst } from "../transfer/sources.ts";
import { fetchConfig, otherPlatform, platformConfigOf, platformInConfig } from "./config-platform.ts";
import type { ManifestAccess } from "./manifest-access.ts";
import { noteNamed, readReference } from "./naming.ts";
import { flattenIndex } from "./nested-indexes.ts";
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

/** {@link fetchRoot}, with the entries of indexes inside an index in their place. */
export async function fetchArtifact(
  reference: Reference,
  services: Services,
  run: Run,
  access: ManifestAccess = fromSources,
): Promise<FetchedRoot> {
  const fetched = await fetchRoot(reference, services, run, access);
  const { source, root, parsed } = fetched;
  if (parsed.kind === "manifest") return fetched;
  return {
    ...fetched,
    parsed: await flattenIndex({ source, digest: root.digest, index: parsed }, services, run, access),
  };
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
const fromSources: ManifestAccess = { fetch: fetchManifestByDigest, keep: async () => {}, config: fetchConfig };

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
    `${origin} is an index, and the index above names a manifest`,
    {
      hint: "push the tool with one index that names each platform's manifest",
    },
  );
}

/** The platform that a single manifest's config states. The caller holds no transfer slot. */
export async function statedPlatform(
  { source, manifest }: { readonly source: Target; readonly manifest: ImageManifest },
  services: Services,
  run: Run,
  access: ManifestAccess = fromSources,
): Promise<StatedPlatform | undefined> {
  const config = platformConfigOf(manifest);
  const bytes = config === undefined ? undefined : await access.config({ source, config }, services, run);
  return bytes === undefined ? undefined : platformInConfig(bytes);
}

/** Says that a platform's programs need newer processors than the platform has at least. */
export function warnOfVariant(
  text: string,
  platform: StatedPlatform | undefined,
  { context }: Pick<Services, "context">,
): void {
  if (platform === undefined || variantRank(platform) === 0) return;
  context.log.warn(
    `${text} is for ${printable(formatStated(platform))} alone: its programs may not run on older processors`,
  );
}

function chooseManifest(
  index: ImageIndex,
  { platform, text }: Pick<ExpandedReference, "platform" | "text">,
  services: Pick<Services, "context">,
): { readonly digest: Digest; readonly isForAll: boolean } {
  const platforms = platformsOf(index);
  const chosen = platforms.get(platform);
  if (chosen !== undefined) {
    warnOfVariant(text, chosen.platform, services);
    return { digest: chosen.digest, isForAll: false };
  }
  const forAll = manifestForAll(index);
  if (forAll !== undefined) return { digest: forAll.digest, isForAll: true };
  throw new ArtifactNotFoundError("PLATFORM_NOT_FOUND", `platform ${platform} not found in ${text}`, {
    hint: platformHint(index, platform),
  });
}

/** Platforms outside the table that a message names. */
const maxOthers = 10;

/** The next step for somebody whose platform an index lacks: names all platforms of the index. */
export function platformHint(index: ImageIndex, wanted: string): string {
  const available = [...platformsOf(index).keys()].join(", ");
  const others = otherPlatformsOf(index).flatMap(({ platform }) =>
    platform === undefined ? [] : [formatStated(platform)],
  );
  const shown = listed(others, maxOthers, printable);
  const outside = shown === "" ? "" : `; its other platforms are unsupported: ${shown}`;
  if (available !== "") {
    return `name a platform of the artifact with --platform: ${available}; or push the artifact for ${wanted}${outside}`;
  }
  return `push the artifact for ${wanted}: its index names no known platform${outside}`;
}

/** Names the platform of a manifest that the source lacks, such as a mirror with some platforms only. */
export function missingManifest(
  text: string,
  { platform, digest }: MissingManifest,
  cause: unknown,
): ArtifactNotFoundError {
  return new ArtifactNotFoundError(
    "ARTIFACT_NOT_FOUND",
    `not found: the manifest for ${platform} (${digest}), which the index ${text} names`,
    { cause, hint: `copy or push ${platform} again: the repository has a part of the artifact only` },
  );
}

export interface MissingManifest {
  readonly platform: string;
  readonly digest: Digest;
}

/**
 * Resolves a reference to one platform's manifest: in at most two requests, and one for each config or index inside.
 *
 * @throws {ArtifactNotFoundError} `ARTIFACT_NOT_FOUND`, `PLATFORM_NOT_FOUND`
 */
export async function resolveArtifact(
  expanded: ExpandedReference,
  services: Services,
  run: Run,
  access: ManifestAccess = fromSources,
): Promise<ResolvedArtifact> {
  const { reference, text, platform, isTemplate } = expanded;
  const { source, root, parsed } = await fetchArtifact(reference, services, run, access);
  await access.keep(root, services, run);
  const rootDigest = root.digest;
  if (parsed.kind === "manifest") {
    const only = { source, rootDigest, manifestDigest: rootDigest, manifest: parsed };
    // A tag with the platform's name decides, whatever the config states.
    if (isTemplate) return { ...only, platform };
    const stated = await statedPlatform({ source, manifest: parsed }, services, run, access);
    if (stated === undefined) return { ...only, platform: undefined };
    const own = platformFromOci(stated);
    if (own !== platform) throw otherPlatform(text, platform, stated);
    warnOfVariant(text, stated, services);
    return { ...only, platform };
  }
  const chosen = chooseManifest(parsed, expanded, services);
  const at = { source, digest: chosen.digest };
  const manifest = await fetchPlatformManifest(at, services, run, access).catch((cause: unknown) => {
    throw cause instanceof ArtifactNotFoundError
      ? missingManifest(text, { platform, digest: chosen.digest }, cause)
      : cause;
  });
  return {
    source,
    rootDigest,
    manifestDigest: chosen.digest,
    manifest,
    platform: chosen.isForAll ? undefined : platform,
  };
}
