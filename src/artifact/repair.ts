/** Self-healing: the store throws a damaged blob away when it notices, so the second try finds none and fetches it. */
import { OrasClientError } from "../errors.ts";
import { isDamage } from "../store/damage.ts";
import type { ArtifactDeps } from "./deps.ts";

/** @returns undefined where a cached blob is damaged: the store has thrown it away, and the caller fetches it anew. */
export async function unlessDamaged<T>(deps: ArtifactDeps, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isDamage(error) || deps.settings.isOffline) throw error;
    deps.context.log.warn(`${error.message}; it is fetched anew`);
    return undefined;
  }
}

/**
 * Runs `work` again when it found a cached blob damaged: once with the cache, from which the blob was thrown away, and then with a store
 * of its own. Somebody else who can write into the cache may damage what is fetched as often as he likes, and a disk may, too.
 *
 * Offline the damage itself is the error: there is nowhere to fetch from, and "not in the cache" would hide why.
 *
 * @param withoutCache The result of work whose store is removed afterwards; `never` where a file in the cache is what is wanted, so that
 *   the second damage is the error.
 */
export async function withDamageRepaired<T>(
  deps: ArtifactDeps,
  work: (deps: ArtifactDeps) => Promise<T>,
  withoutCache: ((result: T) => T) | "never" = (result) => result,
): Promise<T> {
  const damageIn = async (some: ArtifactDeps): Promise<{ readonly result: T } | OrasClientError> => {
    try {
      return { result: await work(some) };
    } catch (error) {
      if (!isDamage(error) || deps.settings.isOffline) throw error;
      return error;
    }
  };
  const first = await damageIn(deps);
  if (!(first instanceof OrasClientError)) return first.result;
  deps.context.log.warn(`${first.message}; it is fetched anew`);
  const second = await damageIn(deps);
  if (!(second instanceof OrasClientError)) return second.result;
  if (withoutCache === "never") throw second;
  deps.context.log.warn(`${second.message}, once more; it is fetched without the cache`);
  return withoutCache(await deps.withPrivateStore(work));
}
