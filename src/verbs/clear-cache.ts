/** `clear-cache`: removes files of the cache. */

import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import { type InstalledTools, installedTools } from "../tools/install.ts";
import type { Run } from "../transfer/run.ts";

const dayMs = 24 * 60 * 60 * 1000;

export interface ClearCacheRequest {
  /** Removes only files last used longer ago; undefined: files of any age. */
  readonly olderThanDays: number | undefined;
  /** Removes the least recently used files until this many bytes remain; undefined: no limit. */
  readonly maxSizeBytes: number | undefined;
  /** Counts the files, and removes nothing. */
  readonly isDryRun?: boolean;
}

export interface ClearCacheResult {
  /** Number of removed files, metadata included. */
  readonly filesRemoved: number;
  readonly bytesFreed: number;
  /** Removed notes on tags, and removed beginnings that transfers left; `filesRemoved` counts both. */
  readonly notesRemoved: number;
  readonly transfersRemoved: number;
  /** Number of kept files of transfers that may still run. */
  readonly filesInUse: number;
}

export interface ClearedCache extends ClearCacheResult {
  /** Tools that `run` and shims installed: no part of the cache, and kept. */
  readonly toolsKept: InstalledTools;
}

export async function clearCache(
  request: ClearCacheRequest,
  services: Pick<Services, "context" | "settings" | "store">,
  run: Run,
): Promise<ClearedCache> {
  const { olderThanDays, maxSizeBytes, isDryRun = false } = request;
  const limits = {
    isDryRun,
    olderThanMs: olderThanDays === undefined ? undefined : olderThanDays * dayMs,
    maxTotalBytes: maxSizeBytes,
  };
  const factsOf = ({ bytesFreed }: ClearCacheResult) => ({ size: bytesFreed });
  // First: an invalid folder is reported before anything is removed.
  const toolsKept = await installedTools(services.context);
  const clear = (): Promise<ClearCacheResult> => services.store.clear(limits, run.signal);
  const audit = { operation: "clear-cache", reference: services.settings.cacheDir } as const;
  // A dry run changes nothing that the log would have to tell.
  const result = isDryRun ? await clear() : await audited(audit, services, clear, factsOf);
  return { ...result, toolsKept };
}
