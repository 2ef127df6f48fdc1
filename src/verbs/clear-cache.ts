/** `clear-cache`: removes what the store holds. */

import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import type { Run } from "../transfer/run.ts";

export interface ClearCacheRequest {
  /** Only files last used longer ago; undefined: whatever their age. */
  readonly olderThanDays: number | undefined;
  /** Remove the least recently used until the files that are left have this many bytes; undefined: no such limit. */
  readonly maxSizeBytes: number | undefined;
}

export interface ClearCacheResult {
  /** Metadata included. */
  readonly filesRemoved: number;
  readonly bytesFreed: number;
  /** Files of transfers that may be under way. */
  readonly filesInUse: number;
}

const dayMs = 24 * 60 * 60 * 1000;

export async function clearCache(request: ClearCacheRequest, services: Services, run: Run): Promise<ClearCacheResult> {
  const { olderThanDays, maxSizeBytes } = request;
  const limits = {
    olderThanMs: olderThanDays === undefined ? undefined : olderThanDays * dayMs,
    maxTotalBytes: maxSizeBytes,
  };
  const factsOf = ({ bytesFreed }: ClearCacheResult) => ({ size: bytesFreed });
  return await audited(
    { operation: "clear-cache", reference: services.settings.cacheDir },
    services,
    () => services.store.clear(limits, run.signal),
    factsOf,
  );
}

/**
 * Once a day, what the configuration says of the cache's age and size; never a reason for a command to fail. Called when a command
 * ends, since before that it needs what it fetched; afterwards others do, who were told the path: what it used stays.
 *
 * @param startedMs When the command began, in milliseconds since the epoch.
 */
export async function applyRetention(
  { settings, store, context }: Services,
  { signal }: Run,
  startedMs: number,
): Promise<void> {
  const { olderThanDays, maxSizeBytes } = settings.retention;
  if (olderThanDays === undefined && maxSizeBytes === undefined) return;
  const olderThanMs = olderThanDays === undefined ? undefined : olderThanDays * dayMs;
  try {
    const limits = { olderThanMs, maxTotalBytes: maxSizeBytes, keepUsedSinceMs: startedMs };
    const result = await store.clearWhenDue(limits, dayMs, signal);
    if (result !== undefined) context.log.debug(`retention: removed ${result.filesRemoved} files from the cache`);
  } catch (error) {
    context.log.warn(`the cache could not be cleared as configured: ${error instanceof Error ? error.message : error}`);
  }
}
