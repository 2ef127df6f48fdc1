/** `prefetch`: fetches the blobs of locked tools into the cache, so that later builds ask no registry. */

import { fetchBlob } from "../artifact/fetch.ts";
import { readReference } from "../artifact/naming.ts";
import { withDamageRepaired } from "../artifact/repair.ts";
import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import { ArtifactNotFoundError } from "../errors.ts";
import type { Lock, LockedPlatform, LockPlatform } from "../lockfile/schema.ts";
import { anyPlatform, toolOf } from "../lockfile/schema.ts";
import { checkNames, readExisting } from "../locking/existing.ts";
import { layoutsOfLock, openingFromLock } from "../locking/layouts.ts";
import { type PlatformString, platformFromNode } from "../model/platform.ts";
import type { Target } from "../model/source.ts";
import { inParallel } from "../parallel.ts";
import { type Run, withSignal } from "../transfer/run.ts";

export interface PrefetchRequest {
  /** Path of the lock. */
  readonly file: string;
  /** Empty: all tools. */
  readonly names: readonly string[];
  /** Empty: the platform of this machine. */
  readonly platforms: readonly PlatformString[];
}

export interface PrefetchedTool {
  readonly tool: string;
  /** Platform string, or `any`. */
  readonly platform: string;
  /** Bytes of all blobs. */
  readonly size: number;
  /** Bytes of the blobs that were not in the cache. */
  readonly fetched: number;
}

/** A tool without one of the wanted platforms. */
export interface SkippedTool {
  readonly tool: string;
  readonly platform: PlatformString;
}

export interface PrefetchResult {
  /** In the order of the lock. */
  readonly tools: readonly PrefetchedTool[];
  readonly skipped: readonly SkippedTool[];
}

/** A tool's entry to fetch. */
interface Wanted {
  readonly tool: string;
  readonly platform: LockPlatform;
  readonly locked: LockedPlatform;
}

/**
 * Fetches the blobs of each tool once, with all connections and tokens of one process.
 *
 * @throws {ArtifactNotFoundError} `PLATFORM_NOT_FOUND` for a named tool that lacks a platform
 */
export async function prefetch(
  { file, names, platforms }: PrefetchRequest,
  services: Services,
  run: Run,
): Promise<PrefetchResult> {
  const lock = await readExisting(file);
  checkNames(names, lock, file);
  const { os, cpu } = services.context;
  const asked = platforms.length === 0 ? [platformFromNode(os, cpu)] : [...new Set(platforms)];
  const { wanted, skipped } = wantedOf(lock, names, asked, file);
  const open = openingFromLock(await layoutsOfLock(file, services), services.open);
  // All locations are opened before the first request, so that an invalid location is reported first.
  const opened = wanted.map((one) => ({
    ...one,
    source: open(readReference(one.locked.repository, services).location),
  }));
  const tools = await inParallel(opened, run.signal, (one, either) =>
    fetchTool(one, services, withSignal(run, either)),
  );
  return { tools, skipped };
}

function wantedOf(
  lock: Lock,
  names: readonly string[],
  platforms: readonly PlatformString[],
  file: string,
): { readonly wanted: readonly Wanted[]; readonly skipped: readonly SkippedTool[] } {
  const wanted: Wanted[] = [];
  const skipped: SkippedTool[] = [];
  for (const tool of Object.keys(lock.tools).filter((one) => names.length === 0 || names.includes(one))) {
    const locked = toolOf(lock, tool)?.platforms ?? {};
    const all = locked[anyPlatform];
    if (all !== undefined) {
      wanted.push({ tool, platform: anyPlatform, locked: all });
      continue;
    }
    const missing = platforms.filter((platform) => locked[platform] === undefined);
    if (names.length > 0 && missing.length > 0) throw notLocked(tool, missing, Object.keys(locked), file);
    for (const platform of platforms) {
      const one = locked[platform];
      if (one === undefined) skipped.push({ tool, platform });
      else wanted.push({ tool, platform, locked: one });
    }
  }
  return { wanted, skipped };
}

function notLocked(tool: string, missing: readonly string[], known: readonly string[], file: string): Error {
  return new ArtifactNotFoundError("PLATFORM_NOT_FOUND", `not found: ${tool} for ${missing.join(", ")} in ${file}`, {
    hint: `name a locked platform with --platform: ${known.join(", ")}; or push the tool and run \`buck2-oras lock update ${tool}\``,
  });
}

async function fetchTool(
  { tool, platform, locked, source }: Wanted & { readonly source: Target },
  services: Services,
  run: Run,
): Promise<PrefetchedTool> {
  const sizes = await audited(
    { operation: "prefetch", reference: `${locked.repository}@${locked.manifest}` },
    services,
    () =>
      inParallel(locked.layers, run.signal, ({ digest, size }, either) =>
        withDamageRepaired(services, async (some) => {
          const blob = { digest, size };
          const { origin } = await fetchBlob(
            { source, blob, label: tool, manifest: locked.manifest },
            some,
            withSignal(run, either),
          );
          return origin === "cache" ? 0 : size;
        }),
      ),
    () => ({ digest: locked.manifest }),
  );
  return {
    tool,
    platform,
    size: locked.layers.reduce((sum, { size }) => sum + size, 0),
    fetched: sizes.reduce((sum, size) => sum + size, 0),
  };
}
