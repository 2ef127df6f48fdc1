/** Goes through where content may be had by digest: the mirrors in their order, then the source itself. */
import { asError } from "../errors.ts";
import type { Source } from "../model/source.ts";
import type { TransferDeps } from "./deps.ts";
import { isHostFault } from "./mirror-health.ts";
import { inTurn, type Turn, type TurnDeps } from "./turn.ts";

/**
 * Does `work` with the first source that it succeeds with. Whatever a mirror does wrong is not the caller's trouble as long as another
 * source is left; the error of the source itself is the one that is thrown.
 */
export async function fromFirst<T>(
  source: Source,
  work: (from: Source, turn: Turn) => Promise<T>,
  deps: TurnDeps & Pick<TransferDeps, "mirrorHealth">,
  signal: AbortSignal,
): Promise<T> {
  const { mirrorHealth, context } = deps;
  const fit = source.mirrors.filter((one) => mirrorHealth.isFit(one));
  for (const [index, mirror] of fit.entries()) {
    try {
      const sourcesLeft = fit.length - index + 1;
      return await inTurn(mirror.name, sourcesLeft, (turn) => work(mirror, turn), deps, signal);
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asError(thrown);
      // The disk here is full or read-only: no other source changes that.
      if (error.side === "local") throw error;
      // Of several that asked it at once, one says so.
      const isNews = mirrorHealth.isFit(mirror);
      mirrorHealth.note(mirror, error);
      context.log[isNews ? "warn" : "debug"](`the mirror ${mirror.name} failed: ${error.message}`);
    }
  }
  try {
    return await work(source, unhurried(signal));
  } catch (thrown) {
    signal.throwIfAborted();
    const slow = source.mirrors.filter((one) => mirrorHealth.isSlow(one));
    if (!isHostFault(asError(thrown))) throw thrown;
    return await fromSlow(slow, work, thrown, deps, signal);
  }
}

function unhurried(signal: AbortSignal): Turn {
  return { signal, onBytes: () => {} };
}

/** Where the source itself cannot be reached, a slow mirror is better than nothing, and has all the time that is left. */
async function fromSlow<T>(
  mirrors: readonly Source[],
  work: (from: Source, turn: Turn) => Promise<T>,
  reason: unknown,
  { context }: Pick<TransferDeps, "context">,
  signal: AbortSignal,
): Promise<T> {
  for (const mirror of mirrors) {
    context.log.debug(`${asError(reason).message}; the slow mirror ${mirror.name} is asked once more`);
    try {
      return await work(mirror, unhurried(signal));
    } catch (thrown) {
      signal.throwIfAborted();
      context.log.debug(`the mirror ${mirror.name} failed: ${asError(thrown).message}`);
    }
  }
  throw reason;
}
