/** Platforms that a tag had before, and that its new artifact lacks: whoever publishes one platform easily drops the others. */
import type { Services } from "../artifact/services.ts";
import { asError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import { platformsOf } from "../model/index-platforms.ts";
import { parseManifest } from "../model/manifest.ts";
import type { PlatformString } from "../model/platform.ts";
import type { Target } from "../model/source.ts";

export interface Replacement {
  /** Manifest that the tag meant before. */
  readonly replaced: Digest | undefined;
  readonly tag: string;
  /** Platforms of the new artifact; undefined stands for all platforms. */
  readonly platforms: readonly (PlatformString | undefined)[];
}

/**
 * Reads the replaced index, and warns of the platforms that the tag lost. The tag is written already, so a failure to read is
 * no failure of the push.
 *
 * @returns Sorted; empty if the tag had no index before.
 */
export async function lostPlatforms(
  { replaced, tag, platforms }: Replacement,
  target: Target,
  { context }: Pick<Services, "context">,
  signal: AbortSignal,
): Promise<readonly PlatformString[]> {
  if (replaced === undefined || platforms.includes(undefined)) return [];
  try {
    const { bytes, mediaType } = await target.fetchManifest(replaced, signal);
    const before = parseManifest(bytes, mediaType, `${target.name}@${replaced}`);
    if (!("manifests" in before)) return [];
    const lost = [...platformsOf(before).keys()].filter((one) => !platforms.includes(one)).sort();
    if (lost.length > 0) {
      context.log.warn(
        `${target.name}:${tag} had ${lost.join(", ")} before, and no longer has: publish all platforms in one command`,
      );
    }
    return lost;
  } catch (error) {
    signal.throwIfAborted();
    context.log.debug(`the platforms of ${target.name}@${replaced}: ${asError(error).message}`);
    return [];
  }
}
