/** Look-up of the current digests of a lock's references, for `lock check --online`. */

import { expandReference, resolveArtifact, versionOf } from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { ArtifactNotFoundError } from "../errors.ts";
import type { Lock, LockedTool } from "../lockfile/schema.ts";
import type { Digest } from "../model/digest.ts";
import { isPlatformString, type PlatformString } from "../model/platform.ts";
import { isTemplate } from "../model/reference.ts";
import { inParallel } from "../parallel.ts";
import { type Run, withSignal } from "../transfer/run.ts";

export interface LockedTag {
  readonly tool: string;
  /** The requested reference, with its template filled in. */
  readonly reference: string;
  readonly locked: Digest;
  /** Undefined: the reference no longer exists. */
  readonly current: Digest | undefined;
}

interface Asked {
  readonly reference: string;
  readonly locked: Digest;
  /** The platform of a template, whose manifest is locked; the tag may name an index with this manifest. */
  readonly platform?: PlatformString;
}

function askedOf(tool: LockedTool): readonly Asked[] {
  if (!isTemplate(tool.reference))
    return tool.digest === undefined ? [] : [{ reference: tool.reference, locked: tool.digest }];
  return Object.entries(tool.platforms).map(([platform, { manifest }]) => ({
    reference: tool.reference.replaceAll("{platform}", platform),
    locked: manifest,
    ...(isPlatformString(platform) ? { platform } : {}),
  }));
}

/** Asks the sources for the current digest of each reference of the lock. */
export async function lookUpTags(lock: Lock, services: Services, run: Run): Promise<readonly LockedTag[]> {
  const asked = Object.entries(lock.tools).flatMap(([tool, locked]) =>
    askedOf(locked).map((one) => ({ tool, ...one })),
  );
  return await inParallel(asked, run.signal, async ({ platform, ...tag }, either) => {
    const expanded = expandReference(tag.reference, platform, services);
    const { reference } = expanded;
    try {
      const source = services.open(reference.location);
      const named = await services.slots.run(() => source.resolve(versionOf(reference), either));
      if (named === tag.locked || platform === undefined) return { ...tag, current: named };
      // The tag has the platform's name.
      const template = { ...expanded, isTemplate: true };
      const resolved = await services.slots.run(() => resolveArtifact(template, services, withSignal(run, either)));
      return { ...tag, current: resolved.manifestDigest };
    } catch (error) {
      if (error instanceof ArtifactNotFoundError) return { ...tag, current: undefined };
      throw error;
    }
  });
}
