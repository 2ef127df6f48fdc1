/** The stand-in for a registry with `--offline`: every request is refused. */
import { type OrasClientError, RegistryUnavailableError } from "../errors.ts";
import type { Target } from "../model/source.ts";

/** @param who The host or repository of the refused request. */
export function askingForbidden(who: string): OrasClientError {
  return new RegistryUnavailableError("OFFLINE", `--offline forbids asking ${who}`, {
    hint: "run the same command without --offline; the cache and layout folders (oci:DIR) need no network",
  });
}

/** @param what Content that is neither in the cache nor in a layout folder. */
export function notInCache(what: string): OrasClientError {
  return new RegistryUnavailableError("OFFLINE", `${what} is not in the cache, and --offline forbids asking for it`, {
    hint: "run the same command once without --offline",
  });
}

/** A registry that may not be asked. Every use case that needs the registry ends with `OFFLINE`. */
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
    manifestTime: refuse,
    tagDigest: refuse,
    mountBlob: refuse,
    pushBlob: refuse,
    pushManifest: refuse,
    deleteTag: refuse,
    deleteManifest: refuse,
  };
}
