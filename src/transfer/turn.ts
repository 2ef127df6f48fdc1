/** Time limit of a mirror while other sources are left. */
import { TimeoutError } from "../errors.ts";
import { anySignal } from "../parallel.ts";
import type { Run } from "./run.ts";
import type { TransferServices } from "./services.ts";

/** Even a slow line is faster; a slower mirror counts as stalled. */
const minBytesPerSecond = 10_000;

/** The time limit of one source for one request. */
export interface Turn {
  /** Aborted at the end of the turn or of the request. */
  readonly signal: AbortSignal;
  /** Gets the size of each received chunk in bytes. */
  readonly onBytes: (chunkBytes: number) => void;
}

export interface TurnServices extends Pick<TransferServices, "context"> {
  readonly settings: Pick<TransferServices["settings"], "idleTimeoutMs">;
}

export interface TurnOf {
  /** The mirror's name. */
  readonly name: string;
  /** Number of sources left: the mirror and the sources after the mirror. */
  readonly sourcesLeft: number;
}

/**
 * Runs `work` with a mirror, within the mirror's share of the remaining time and above a minimum speed. A stalled
 * mirror cannot use up the time of the next sources.
 *
 * @throws {TimeoutError} at the end of the turn
 */
export async function inTurn<T>(
  { name, sourcesLeft }: TurnOf,
  work: (turn: Turn) => Promise<T>,
  { context, settings }: TurnServices,
  { signal, deadlineMs }: Pick<Run, "signal" | "deadlineMs">,
): Promise<T> {
  const over = new AbortController();
  const end = (why: string): void => over.abort(new TimeoutError("TIMED_OUT", `${name} ${why}`));
  const shareMs = Math.max(0, deadlineMs - context.now()) / sourcesLeft;
  const windowMs = Math.min(settings.idleTimeoutMs, shareMs / 2);
  let bytes = 0;
  const watch = (): void => {
    const bytesPerSecond = (1000 * bytes) / windowMs;
    if (bytesPerSecond < minBytesPerSecond) end(`sends only ${Math.floor(bytesPerSecond)} bytes per second`);
    bytes = 0;
  };
  const watching = setInterval(watch, windowMs);
  const sharing = setTimeout(end, shareMs, "exceeded its share of the time");
  const either = anySignal(signal, over.signal);
  const onBytes = (chunkBytes: number): void => {
    bytes += chunkBytes;
  };
  try {
    return await work({ signal: either, onBytes });
  } catch (error) {
    throw over.signal.aborted && !signal.aborted ? over.signal.reason : error;
  } finally {
    clearInterval(watching);
    clearTimeout(sharing);
  }
}
