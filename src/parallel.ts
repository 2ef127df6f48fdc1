/** Several pieces of work at a time, of which one failure ends the rest. */
import { setMaxListeners } from "node:events";

/**
 * Runs `work` for all items at once; how many transfers that makes is limited elsewhere.
 *
 * When one fails, the others are told to stop and waited for, so that nothing is under way afterwards.
 *
 * @returns Results in the order of the items.
 */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  signal: AbortSignal,
  work: (item: Item, signal: AbortSignal, index: number) => Promise<Result>,
): Promise<Result[]> {
  const failing = new AbortController();
  const either = AbortSignal.any([signal, failing.signal]);
  // Every request under way listens; Node warns of a leak at eleven.
  setMaxListeners(0, either);
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
