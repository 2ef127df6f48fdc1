/** `info`: describes the artifact of a reference, without fetching a blob. */

import { expandNamedReference, fetchArtifact, fetchPlatformManifest, statedPlatform } from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
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
  return { platform, digest, layers: manifest.layers.map(layerInfo) };
}

/** The manifest's `artifactType`, else the media type of its config (image-spec, manifest.md). */
function artifactTypeOf(manifest: ImageManifest): string | undefined {
  return manifest.artifactType ?? manifest.config?.mediaType;
}

/**
 * @param platform Selects one platform of an index, and fills in a template. Undefined: all platforms; for a template,
 *   this machine's platform.
 */
export async function artifactInfo(
  text: string,
  platform: PlatformString | undefined,
  services: Services,
  run: Run,
): Promise<ArtifactInfo> {
  return await audited(
    { operation: "info", reference: text },
    services,
    () => readInfo(text, platform, services, run),
    ({ digest }) => ({ digest }),
  );
}

async function readInfo(
  text: string,
  platform: PlatformString | undefined,
  services: Services,
  run: Run,
): Promise<ArtifactInfo> {
  const expanded = expandNamedReference(text, platform, services);
  const { source, root, parsed } = await fetchArtifact(expanded.reference, services, run);
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
      platforms: [platformInfo(own, root.digest, parsed)],
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
