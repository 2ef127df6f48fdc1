/** Repair of the cache. The store removes a damaged blob when it notices the damage, so that the second try fetches the blob. */
import { type OrasClientError, withCause } from "../errors.ts";
import { CacheUnusableError, isDamage } from "../store/damage.ts";
import type { Services } from "./services.ts";

/**
 * True for a failure of the cache that fetching mends. Offline nothing can be fetched: the failure itself is the error, since "not in the
 * cache" would hide the reason.
 */
function isMendable(error: unknown, { settings }: Pick<Services, "settings">): error is OrasClientError {
  return !settings.isOffline && (isDamage(error) || error instanceof CacheUnusableError);
}

/** @returns undefined where a cached blob is damaged: the store has removed the blob, and the caller fetches it again. */
export async function unlessDamaged<T>(services: Services, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isMendable(error, services) || !isDamage(error)) throw error;
    services.context.log.warn(`${error.message}; it is fetched anew`);
    return undefined;
  }
}

/** {@link unlessDamaged}; undefined, too, where the cache cannot be used: the caller goes on as if the cache were empty. */
export async function unlessUnfit<T>(services: Services, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await unlessDamaged(services, work);
  } catch (error) {
    if (!isMendable(error, services)) throw error;
    services.context.log.debug(`${error.message}; it is asked for instead`);
    return undefined;
  }
}

type Outcome<T> = { readonly result: T } | { readonly failure: OrasClientError };

/**
 * Runs `work` again when the cache failed it. A damaged blob was thrown away and is fetched anew; somebody else who can write into the cache
 * may damage it as often as he likes, and a disk may, too. After a second damage, and where the cache cannot be used at all, the work is
 * done with a store of its own.
 *
 * @param withoutCache The result of work whose store is removed afterwards; `never` where a file in the cache is what is wanted, so that
 *   the failure is the error.
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
    services.context.log.warn(`${outcome.failure.message}; it is fetched anew`);
    outcome = await attempt(services);
  }
  if ("result" in outcome) return outcome.result;
  const { failure } = outcome;
  if (withoutCache === "never") throw failure;
  services.context.log.warn(`${withCause(failure)}: this goes on without the cache`);
  return withoutCache(await services.withPrivateStore(work));
}
