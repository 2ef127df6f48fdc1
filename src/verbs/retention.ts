/** The configured retention: limits of age and size, applied when a command ends. */
import type { Services } from "../artifact/services.ts";
import type { Run } from "../transfer/run.ts";

const dayMs = 24 * 60 * 60 * 1000;

/**
 * Applies the configured limits of age and size to the cache, once a day. Never rejects; errors become warnings. Files that the command used stay, since other programs may use the printed paths.
 *
 * @param startedMs Start of the command, in milliseconds since the epoch.
 */
export async function applyRetention(
  { settings, store, context }: Pick<Services, "context" | "settings" | "store">,
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
    context.log.warn(`could not clear the cache as configured: ${error instanceof Error ? error.message : error}`);
  }
}
