/** Errors of the cache that another try, or another store, mends. */
import { LocalIoError, localIoError, OrasClientError } from "../errors.ts";

/** True for `CACHE_DAMAGED`: the store has thrown the blob away, so that another try fetches it. */
export function isDamage(error: unknown): error is OrasClientError {
  return error instanceof OrasClientError && error.code === "CACHE_DAMAGED";
}

/** The cache is there, and does not take or give what it should: another try would fail in the same way. */
export class CacheUnusableError extends LocalIoError {}

export const removeHint = "remove it, or name another cache with --cache-dir or BUCK2_ORAS_CACHE_DIR";

/**
 * The error for a cache that could not be used. One on a full disk is not unusable: what wants to go on needs the room, too.
 *
 * @param root Of the cache.
 */
export function cacheError(root: string, cause: unknown): OrasClientError {
  const error = localIoError(`use the cache ${root}`, cause);
  // An error that was made where more is known.
  if (error === cause) return error;
  const { code, message } = error;
  if (code !== "DISK_FULL") return new CacheUnusableError(code, message, { cause, hint: error.hint });
  const hint = "`buck2-oras clear-cache` makes room; --cache-dir or BUCK2_ORAS_CACHE_DIR names another folder";
  return new LocalIoError(code, message, { cause, hint });
}
