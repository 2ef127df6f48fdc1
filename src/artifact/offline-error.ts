/** Errors for content that is not in the cache and may not be asked for. */
import { type OrasClientError, RegistryUnavailableError } from "../errors.ts";
import type { Reference } from "../model/reference.ts";
import type { Services } from "./services.ts";

/** The error for content that needs the network while `--offline` holds; a layout folder needs no network. */
export function offlineError(what: string): OrasClientError {
  return new RegistryUnavailableError("OFFLINE", `${what} is not in the cache, and --offline forbids asking for it`, {
    hint: "run the same command once without --offline",
  });
}

/** {@link offlineError} for what a reference means: of a tag, a cache that others write into says nothing, however often it is filled. */
export async function offlineErrorOf(
  { digest }: Reference,
  text: string,
  { store, settings }: Pick<Services, "store" | "settings">,
): Promise<OrasClientError> {
  const shared = digest === undefined ? await store.sharedBecause() : undefined;
  if (shared === undefined) return offlineError(text);
  return new RegistryUnavailableError(
    "OFFLINE",
    `what ${text} means is not taken from the cache ${settings.cacheDir}, since ${shared}, and --offline forbids asking for it`,
    { hint: "name the artifact by its digest, or a cache of your own with --cache-dir" },
  );
}
