/** The registry that `--offline` leaves: every request is refused. */
import { type OrasClientError, RegistryUnavailableError } from "../errors.ts";
import type { Target } from "../model/source.ts";

/** @param who Host or repository that would be asked. */
export function askingForbidden(who: string): OrasClientError {
  return new RegistryUnavailableError("OFFLINE", `--offline forbids asking ${who}`, {
    hint: "run the same command without --offline; the cache and layout folders (oci:DIR) need no network",
  });
}

/** Stands for a registry that nobody may ask: whatever use case needs it ends with the same error. */
export function forbiddenTarget(name: string): Target {
  const refuse = (): Promise<never> => Promise.reject(askingForbidden(name));
  return {
    name,
    mirrors: [],
    fetchManifest: refuse,
    resolve: refuse,
    openBlob: refuse,
    listReferrers: refuse,
    listTags: refuse,
    hasBlob: refuse,
    hasManifest: refuse,
    mountBlob: refuse,
    pushBlob: refuse,
    pushManifest: refuse,
    deleteTag: refuse,
    deleteManifest: refuse,
  };
}
