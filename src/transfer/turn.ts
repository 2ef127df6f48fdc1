/** The time limit of a mirror, while other sources are left to ask. */
import { TimeoutError } from "../errors.ts";
import { anySignal } from "../parallel.ts";
import type { Run } from "./run.ts";
import type { TransferServices } from "./services.ts";

/** A slow line brings more; a mirror that brings less is taken for one that stalls. */
const minBytesPerSecond = 10_000;

/** The time that one source has for one request. */
export interface Turn {
  /** Aborted when the turn is over. */
  readonly signal: AbortSignal;
  /** Told the size of each chunk that the source brought. */
  readonly onBytes: (chunkBytes: number) => void;
}

export interface TurnServices extends Pick<TransferServices, "context"> {
  readonly settings: Pick<TransferServices["settings"], "idleTimeoutMs">;
}

export interface TurnOf {
  /** The mirror's name. */
  readonly name: string;
  /** The mirror itself, and the sources behind it. */
  readonly sourcesLeft: number;
}

/**
 * Does `work` with a mirror. The mirror gets its share of the remaining time, as long as bytes come: whatever a mirror does with its
 * connection, the sources behind it are asked in time.
 *
 * @throws {TimeoutError} the turn is over
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
    if (bytesPerSecond < minBytesPerSecond) end(`brings ${Math.floor(bytesPerSecond)} bytes in a second`);
    bytes = 0;
  };
  const watching = setInterval(watch, windowMs);
  const sharing = setTimeout(end, shareMs, "is not done in its share of the time");
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
