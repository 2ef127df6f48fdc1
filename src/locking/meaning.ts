/** The meaning of a locked reference, noted in the cache: `pull --offline` then finds the files of `lock add`. */
import { noteMeaning } from "../artifact/known-file.ts";
import { fallbackTitle } from "../artifact/layers.ts";
import { expandReference } from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { anyPlatform, type LockedPlatform, type LockPlatform } from "../lockfile/schema.ts";
import { platformStrings } from "../model/platform.ts";

/** @param reference Reference or template, as in the lock. */
export async function noteLocked(
  reference: string,
  platforms: Readonly<Partial<Record<LockPlatform, LockedPlatform>>>,
  services: Pick<Services, "context" | "noteNamed" | "settings" | "store">,
): Promise<void> {
  for (const platform of platformStrings) {
    const own = platforms[platform];
    const locked = own ?? platforms[anyPlatform];
    if (locked === undefined) continue;
    const expanded = expandReference(reference, platform, services);
    const { location } = expanded.reference;
    // A layout folder is read at any time.
    if (location.kind === "layout") return;
    const [file, ...others] = locked.layers;
    const isFile = file !== undefined && others.length === 0 && file.unpackInto === undefined;
    const meaning = { manifestDigest: locked.manifest, platform: own === undefined ? undefined : platform };
    const size = locked.layers.reduce((sum, layer) => sum + layer.size, 0);
    const noted = { digest: isFile ? file.contentDigest : locked.manifest, size, title: fallbackTitle(location) };
    await noteMeaning(expanded, meaning, noted, services);
  }
}
