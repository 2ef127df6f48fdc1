/** Repair of the cache: the store removes a damaged blob on detection, and a second try fetches the blob again. */
import { type OrasClientError, withCause } from "../errors.ts";
import { CacheUnusableError, isDamage } from "../store/damage.ts";
import type { Services } from "./services.ts";

/**
 * True for a failure of the cache that a fetch repairs. Offline the failure itself is the error, since "not in the
 * cache" would hide the reason.
 */
function isMendable(error: unknown, { settings }: Pick<Services, "settings">): error is OrasClientError {
  return !settings.isOffline && (isDamage(error) || error instanceof CacheUnusableError);
}

/** @returns undefined after damage to a cached blob: the store has removed the blob, and the caller fetches again. */
export async function unlessDamaged<T>(
  services: Pick<Services, "context" | "settings">,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isMendable(error, services) || !isDamage(error)) throw error;
    services.context.log.warn(`${error.message}; the blob is fetched again`);
    return undefined;
  }
}

/** {@link unlessDamaged}, also undefined for an unusable cache: the caller continues as with an empty cache. */
export async function unlessUnfit<T>(
  services: Pick<Services, "context" | "settings">,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await unlessDamaged(services, work);
  } catch (error) {
    if (!isMendable(error, services)) throw error;
    services.context.log.debug(`${error.message}; a source is asked instead`);
    return undefined;
  }
}

type Outcome<T> = { readonly result: T } | { readonly failure: OrasClientError };

/**
 * Runs `work`, and again after a failure of the cache. The store removed a damaged blob, so that the second run fetches
 * the blob. Another writer of the cache, or a bad disk, may damage blobs again and again: after a second damage, and
 * for an unusable cache, `work` runs with a private store.
 *
 * @param withoutCache Maps the result of `work` with the private store, which is removed afterwards; `never`: the
 *   caller needs a file in the cache, and gets the failure as the error.
 */
export async function withDamageRepaired<T>(
  services: Services,
  work: (services: Services) => Promise<T>,
  withoutCache: ((result: T) => T) | "never" = (result) => result,
): Promise<T> {
  const attempt = async (some: Services): Promise<Outcome<T>> => {
    try {
      return { result: await work(some) };
    } catch (error) {
      if (!isMendable(error, services)) throw error;
      return { failure: error };
    }
  };
  let outcome = await attempt(services);
  if ("failure" in outcome && isDamage(outcome.failure)) {
    services.context.log.warn(`${outcome.failure.message}; the blob is fetched again`);
    outcome = await attempt(services);
  }
  if ("result" in outcome) return outcome.result;
  const { failure } = outcome;
  if (withoutCache === "never") throw failure;
  services.context.log.warn(`${withCause(failure)}: the command continues without the cache`);
  return withoutCache(await services.withPrivateStore(work));
}
