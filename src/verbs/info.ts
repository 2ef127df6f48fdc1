/** `info`: describes the artifact of a reference and what refers to it, without fetching a file of the artifact. */

import {
  type ExpandedReference,
  expandNamedReference,
  type FetchedRoot,
  fetchArtifact,
  fetchPlatformManifest,
  statedPlatform,
} from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import type { ReferrerInfo, SubjectNames } from "../attestation/referrer.ts";
import { collectReferrers } from "../attestation/referrers.ts";
import { audited } from "../audit/audit.ts";
import type { Digest } from "../model/digest.ts";
import { manifestForAll, otherPlatformsOf, platformsOf } from "../model/index-platforms.ts";
import { type Annotations, annotationKeys, type Descriptor, type ImageManifest } from "../model/manifest.ts";
import { formatStated, type PlatformString, platformFromOci } from "../model/platform.ts";
import type { Run } from "../transfer/run.ts";

export interface LayerInfo {
  readonly title: string | undefined;
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

export interface PlatformInfo {
  /** Undefined if the artifact is the same for every platform. */
  readonly platform: PlatformString | undefined;
  /** Digest of this platform's manifest. */
  readonly digest: Digest;
  /** Annotations of this platform's manifest; empty for an artifact without an index. */
  readonly annotations: Annotations;
  readonly layers: readonly LayerInfo[];
}

export interface OtherPlatform {
  /** The publisher's words in the OCI form, such as `linux/s390x` or `linux/amd64/v3`. */
  readonly platform: string;
  readonly digest: Digest;
}

export interface ArtifactInfo {
  readonly reference: string;
  /** Digest of the index, or of the only manifest. */
  readonly digest: Digest;
  readonly mediaType: string;
  readonly artifactType: string | undefined;
  readonly annotations: Annotations;
  readonly platforms: readonly PlatformInfo[];
  /** Platforms outside the platform table, and variants for newer processors. */
  readonly otherPlatforms: readonly OtherPlatform[];
  /** Signatures, bills of materials and other referrers; undefined if the request leaves these out. */
  readonly referrers: readonly ReferrerInfo[] | undefined;
  /** Why the list of referrers is incomplete; undefined for a complete list. */
  readonly referrersMissing: string | undefined;
}

export interface InfoRequest {
  readonly reference: string;
  /**
   * Selects one platform of an index, and fills in a template. Undefined: all platforms; for a template, this machine's
   * platform.
   */
  readonly platform: PlatformString | undefined;
  readonly withReferrers: boolean;
}

function layerInfo(layer: Descriptor): LayerInfo {
  return {
    title: layer.annotations[annotationKeys.title],
    mediaType: layer.mediaType,
    digest: layer.digest,
    size: layer.size,
  };
}

function platformInfo(platform: PlatformString | undefined, digest: Digest, manifest: ImageManifest): PlatformInfo {
  const { annotations, layers } = manifest;
  return { platform, digest, annotations, layers: layers.map(layerInfo) };
}

/** The manifest's `artifactType`, else the media type of its config (image-spec, manifest.md). */
function artifactTypeOf(manifest: ImageManifest): string | undefined {
  return manifest.artifactType ?? manifest.config?.mediaType;
}

export async function artifactInfo(request: InfoRequest, services: Services, run: Run): Promise<ArtifactInfo> {
  return await audited(
    { operation: "info", reference: request.reference },
    services,
    () => readAll(request, services, run),
    ({ digest }) => ({ digest }),
  );
}

/** The artifact alone. */
type OwnInfo = Omit<ArtifactInfo, "referrers" | "referrersMissing">;

async function readAll(request: InfoRequest, services: Services, run: Run): Promise<ArtifactInfo> {
  const { reference: text, platform, withReferrers } = request;
  const expanded = expandNamedReference(text, platform, services);
  const fetched = await fetchArtifact(expanded.reference, services, run);
  const own = await readInfo(expanded, { ...fetched, platform }, services, run);
  if (!withReferrers) return { ...own, referrers: undefined, referrersMissing: undefined };
  const index = fetched.parsed.kind === "index" ? fetched.parsed : undefined;
  const collected = { source: fetched.source, subjects: subjectsOf(own), index };
  const { referrers, missing } = await collectReferrers(collected, services, run);
  return { ...own, referrers, referrersMissing: missing };
}

/** The index or only manifest, and each platform's manifest; a statement about these may also name their files. */
function subjectsOf({ digest, platforms }: OwnInfo): readonly SubjectNames[] {
  const below = platforms.map((one) => ({
    digest: one.digest,
    names: new Set([one.digest, ...one.layers.map((layer) => layer.digest)]),
  }));
  const root = { digest, names: new Set([digest, ...below.flatMap(({ names }) => [...names])]) };
  return [root, ...below.filter((one) => one.digest !== digest)];
}

async function readInfo(
  expanded: ExpandedReference,
  { source, root, parsed, platform }: FetchedRoot & Pick<InfoRequest, "platform">,
  services: Services,
  run: Run,
): Promise<OwnInfo> {
  const common = {
    reference: expanded.text,
    digest: root.digest,
    mediaType: root.mediaType,
    annotations: parsed.annotations,
  };
  if (parsed.kind === "manifest") {
    const stated = expanded.isTemplate ? undefined : await statedPlatform({ source, manifest: parsed }, services, run);
    const own = expanded.isTemplate ? expanded.platform : stated && platformFromOci(stated);
    const isOther = stated !== undefined && own === undefined;
    return {
      ...common,
      artifactType: artifactTypeOf(parsed),
      platforms: [{ ...platformInfo(own, root.digest, parsed), annotations: {} }],
      otherPlatforms: isOther ? [{ platform: formatStated(stated), digest: root.digest }] : [],
    };
  }
  const forAll = manifestForAll(parsed);
  const named = [...platformsOf(parsed)].filter(([name]) => platform === undefined || name === platform);
  const wanted = forAll === undefined ? named : [[undefined, forAll] as const];
  const manifests = await Promise.all(
    wanted.map(async ([name, descriptor]) => {
      const manifest = await fetchPlatformManifest({ source, digest: descriptor.digest }, services, run);
      return { manifest, info: platformInfo(name, descriptor.digest, manifest) };
    }),
  );
  const [first] = manifests;
  return {
    ...common,
    artifactType: first === undefined ? undefined : artifactTypeOf(first.manifest),
    platforms: manifests.map(({ info }) => info),
    otherPlatforms: otherPlatformsOf(parsed).flatMap((one) =>
      one.platform === undefined ? [] : [{ platform: formatStated(one.platform), digest: one.digest }],
    ),
  };
}
