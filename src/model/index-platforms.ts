/** Platforms of an index: which manifest is for which platform. */
import { type Descriptor, type ImageIndex, mediaTypes } from "./manifest.ts";
import { type PlatformString, platformFromStated, variantRank } from "./platform.ts";

/** True for a descriptor of an index. */
export function isIndexType({ mediaType }: Pick<Descriptor, "mediaType">): boolean {
  return mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerIndex;
}

/**
 * The manifest of each platform string, in the index's order: of several, the first that needs no newer processor.
 * Entries without a platform or outside the table are omitted.
 */
export function platformsOf(index: ImageIndex): ReadonlyMap<PlatformString, Descriptor> {
  const found = new Map<PlatformString, Descriptor>();
  for (const descriptor of index.manifests) {
    if (descriptor.platform === undefined || !isRunnable(descriptor)) continue;
    const platform = platformFromStated(descriptor.platform);
    if (platform === undefined) continue;
    const chosen = found.get(platform)?.platform;
    if (chosen === undefined || variantRank(descriptor.platform) < variantRank(chosen)) found.set(platform, descriptor);
  }
  return found;
}

/** The manifest of an index for all platforms: its only one, without a platform. The rule of `pull` and the lock alike. */
export function manifestForAll({ manifests }: ImageIndex): Descriptor | undefined {
  const [only, ...others] = manifests;
  return others.length === 0 && only?.platform === undefined ? only : undefined;
}

/** Entries with a platform that `platformsOf` omits: outside the table, or for newer processors. */
export function otherPlatformsOf(index: ImageIndex): readonly Descriptor[] {
  const chosen = new Set(platformsOf(index).values());
  return index.manifests.filter((one) => one.platform !== undefined && isRunnable(one) && !chosen.has(one));
}

/** BuildKit adds attestations to an index as manifests of platform `unknown/unknown`. */
function isRunnable(descriptor: Descriptor): boolean {
  return descriptor.platform?.os !== "unknown";
}
