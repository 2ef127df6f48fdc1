/** Several pieces of work at a time: limits, signals, and one failure that ends the rest. */
import { setMaxListeners } from "node:events";
import pLimit from "p-limit";

/** Runs work when fewer pieces than the limit are under way, in the order of the calls. */
export interface Limiter {
  run<T>(work: () => Promise<T>): Promise<T>;
  /** True when `run` would start at once. */
  hasFree(): boolean;
}

/** @param most Pieces of work at the same time. */
export function limitTo(most: number): Limiter {
  const limit = pLimit(most);
  return {
    run: (work) => limit(work),
    hasFree: () => limit.activeCount + limit.pendingCount < most,
  };
}

/** Runs work one after the other for each key; work of different keys runs at the same time. */
export function oneAtATime<Key>(): <T>(key: Key, work: () => Promise<T>) => Promise<T> {
  const limits = new Map<Key, Limiter>();
  return (key, work) => {
    const limit = limits.get(key) ?? limitTo(1);
    limits.set(key, limit);
    return limit.run(work);
  };
}

/** Aborted as soon as one of the signals is; any number of listeners may be added. */
export function anySignal(...signals: readonly AbortSignal[]): AbortSignal {
  const any = AbortSignal.any([...signals]);
  // Each request under way listens; Node warns of a leak at eleven.
  setMaxListeners(0, any);
  return any;
}

/**
 * Runs `work` for all items at once; the caller limits connections and files.
 *
 * A failure aborts the other items' signals. The function waits for them, so that nothing is under way when it rejects.
 *
 * @returns Results in the order of the items.
 */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  signal: AbortSignal,
  work: (item: Item, signal: AbortSignal, index: number) => Promise<Result>,
): Promise<Result[]> {
  const failing = new AbortController();
  const either = anySignal(signal, failing.signal);
  const running = items.map(async (item, index) => {
    try {
      return await work(item, either, index);
    } catch (error) {
      failing.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(running);
  signal.throwIfAborted();
  if (failing.signal.aborted) throw failing.signal.reason;
  return await Promise.all(running);
}
