/** `cache`: describes the cache, without reading its files. */

import type { Services } from "../artifact/services.ts";
import type { StoreContents } from "../store/stored-files.ts";
import { type InstalledTools, installedTools } from "../tools/install.ts";
import type { Run } from "../transfer/run.ts";

export interface CacheDescription extends StoreContents {
  /** Absolute path. */
  readonly path: string;
  /** Installed tools, which are no part of the cache. */
  readonly tools: InstalledTools;
}

/** @throws {UsageError} the folder is not a cache of buck2-oras */
export async function describeCache(
  { settings, store, context }: Pick<Services, "context" | "settings" | "store">,
  { signal }: Run,
): Promise<CacheDescription> {
  return { path: settings.cacheDir, ...(await store.describe(signal)), tools: await installedTools(context) };
}
