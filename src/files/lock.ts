/**
 * Locks between processes: they only spare a second fetch of the same bytes. Correctness never rests on one, so a lock that
 * is lost or taken over by mistake costs a download and nothing else.
 */
import type { Context } from "../context.ts";
import { isErrno } from "../errors.ts";

/** A holder that was killed is noticed after this long. */
const staleMs = 3000;
/** How often a holder says that it is alive. */
const updateMs = 1000;
const maxWaitMs = 250;

/**
 * Runs `work` while no other process runs work of the same lock; waits as long as that takes.
 *
 * @param file Path of the lock, in a folder that exists. Nothing is left there afterwards.
 */
export async function withLock<T>(
  file: string,
  context: Context,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const { lock } = await import("proper-lockfile");
  const options = {
    realpath: false,
    lockfilePath: file,
    stale: staleMs,
    update: updateMs,
    onCompromised: (error: Error) => context.log.debug(`the lock ${file} was lost: ${error.message}`),
  };
  let release: (() => Promise<void>) | undefined;
  for (let tries = 0; release === undefined; tries += 1) {
    signal.throwIfAborted();
    try {
      release = await lock(file, options);
    } catch (error) {
      if (!isErrno(error, "ELOCKED")) throw error;
      if (tries === 0) context.log.debug(`another process holds ${file}; waiting for it`);
      await context.sleep(20 + context.random() * maxWaitMs, signal);
    }
  }
  try {
    return await work();
  } finally {
    // A lock that was lost has nothing to release.
    await release().catch(() => {});
  }
}
