/** Self-healing: the store throws a damaged blob away when it notices, so the second try finds none and fetches it. */
import { OrasClientError } from "../errors.ts";
import type { ClientDeps } from "./deps.ts";

export function isDamage(error: unknown): error is OrasClientError {
  return error instanceof OrasClientError && error.code === "CACHE_DAMAGED";
}

/**
 * Runs `work` again, once, when it found a cached blob damaged.
 *
 * Offline the damage itself is the error: there is nowhere to fetch from, and "not in the cache" would hide why.
 */
export async function withDamageRepaired<T>(deps: ClientDeps, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isDamage(error) || deps.settings.isOffline) throw error;
    deps.context.log.warn(`${error.message}; it is fetched anew`);
    return await work();
  }
}
