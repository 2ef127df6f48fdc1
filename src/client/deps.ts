/** What every use case works with; put together in `main.ts` and `index.ts`, and by tests. */
import type { Settings } from "../config/settings.ts";
import type { Context } from "../context.ts";
import { type OrasClientError, RegistryUnavailableError } from "../errors.ts";
import type { Location } from "../model/reference.ts";
import type { Target } from "../model/source.ts";
import type { Store } from "../store/store.ts";

export interface ClientDeps {
  readonly context: Context;
  readonly settings: Settings;
  readonly store: Store;
  /** Opens the registry or the layout folder that a location names; no request is made yet. */
  readonly open: (location: Location) => Target;
}

/** For what cannot be had without the network while `--offline` holds; a layout folder needs no network. */
export function offlineError(what: string): OrasClientError {
  return new RegistryUnavailableError("OFFLINE", `${what} is not in the cache, and --offline forbids asking for it`, {
    hint: "run the same command once without --offline",
  });
}
