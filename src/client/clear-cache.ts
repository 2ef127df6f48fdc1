/** `clear-cache`: removes what the store holds. */
import type { ClientDeps } from "./deps.ts";

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
}

const dayMs = 24 * 60 * 60 * 1000;

export async function clearCache(request: ClearCacheRequest, deps: ClientDeps): Promise<ClearCacheResult> {
  const { olderThanDays, maxSizeBytes } = request;
  return await deps.store.clear({
    olderThanMs: olderThanDays === undefined ? undefined : olderThanDays * dayMs,
    maxTotalBytes: maxSizeBytes,
  });
}
