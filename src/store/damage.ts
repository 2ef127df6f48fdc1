/** Errors of the cache that a retry or another store repairs. */
import { LocalIoError, localIoError, OrasClientError } from "../errors.ts";

/** True for `CACHE_DAMAGED`: the store removed the blob, so that a retry fetches the blob again. */
export function isDamage(error: unknown): error is OrasClientError {
  return error instanceof OrasClientError && error.code === "CACHE_DAMAGED";
}

/** The cache exists but cannot be read or written; a retry would fail in the same way. */
export class CacheUnusableError extends LocalIoError {}

export const removeHint = "remove this path, or name another cache with --cache-dir or BUCK2_ORAS_CACHE_DIR";

/**
 * The error for a failed use of the cache. A full disk is no `CacheUnusableError`: work without the cache needs disk
 * space too.
 *
 * @param root The cache's root.
 */
export function cacheError(root: string, cause: unknown): OrasClientError {
  const error = localIoError(`use the cache ${root}`, cause);
  // Such an error states more details.
  if (error === cause) return error;
  const { code, message } = error;
  if (code !== "DISK_FULL") return new CacheUnusableError(code, message, { cause, hint: error.hint });
  const hint =
    "free some disk space with `buck2-oras clear-cache`, or name another folder with --cache-dir or BUCK2_ORAS_CACHE_DIR";
  return new LocalIoError(code, message, { cause, hint });
}
