/** Error for a reference that `--offline` cannot resolve. */
import { type OrasClientError, RegistryUnavailableError } from "../errors.ts";
import type { Reference } from "../model/reference.ts";
import { notInCache } from "../registry/offline.ts";
import type { Services } from "./services.ts";

/** The error for a reference without a meaning in the cache. Tags are never resolved from a cache that others write. */
export async function offlineErrorOf(
  { digest }: Reference,
  text: string,
  { store, settings }: Pick<Services, "store" | "settings">,
): Promise<OrasClientError> {
  const shared = digest === undefined ? await store.sharedBecause() : undefined;
  if (shared === undefined) return notInCache(text);
  return new RegistryUnavailableError(
    "OFFLINE",
    `the meaning of ${text} is not taken from the cache ${settings.cacheDir}, since ${shared}, and --offline forbids requests`,
    { hint: "name the artifact by its digest, or a cache of your own with --cache-dir" },
  );
}
