/** The order of sources for content by digest: the mirrors in their order, then the source itself. */
import { asError } from "../errors.ts";
import type { Source } from "../model/source.ts";
import { isHostFault } from "./mirror-health.ts";
import type { Run } from "./run.ts";
import { inTurn, type Turn, type TurnServices } from "./turn.ts";

/**
 * Runs `work` with each source in order until `work` succeeds. Mirrors' errors are logged.
 *
 * @throws the source's own error; a local error immediately, since another source does not change this machine
 */
export async function fromFirst<T>(
  source: Source,
  work: (from: Source, turn: Turn) => Promise<T>,
  services: TurnServices,
  run: Pick<Run, "signal" | "deadlineMs" | "mirrorHealth">,
): Promise<T> {
  const { signal, mirrorHealth } = run;
  const { log } = services.context;
  const fit = source.mirrors.filter((one) => mirrorHealth.isFit(one));
  for (const [index, mirror] of fit.entries()) {
    try {
      const sourcesLeft = fit.length - index + 1;
      return await inTurn({ name: mirror.name, sourcesLeft }, (turn) => work(mirror, turn), services, run);
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asError(thrown);
      // A full or read-only disk, for example: another source would not help.
      if (error.side === "local") throw error;
      // Concurrent requests see the same failure; only the first failure is a warning.
      const isNews = mirrorHealth.isFit(mirror);
      mirrorHealth.note(mirror, error);
      log[isNews ? "warn" : "debug"](`the mirror ${mirror.name} failed: ${error.message}`);
    }
  }
  try {
    return await work(source, unhurried(signal));
  } catch (thrown) {
    signal.throwIfAborted();
    const error = asError(thrown);
    if (!isHostFault(error)) throw thrown;
    // A slow mirror is the last resort, with all the remaining time.
    for (const mirror of source.mirrors.filter((one) => mirrorHealth.isSlow(one))) {
      log.debug(`${error.message}; the slow mirror ${mirror.name} is asked once more`);
      try {
        return await work(mirror, unhurried(signal));
      } catch (again) {
        signal.throwIfAborted();
        log.debug(`the mirror ${mirror.name} failed: ${asError(again).message}`);
      }
    }
    throw thrown;
  }
}

function unhurried(signal: AbortSignal): Turn {
  return { signal, onBytes: () => {} };
}
