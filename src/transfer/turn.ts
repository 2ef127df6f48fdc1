/** How long a mirror is waited for, while somebody else is left who can be asked. */
import { setMaxListeners } from "node:events";
import { TimeoutError } from "../errors.ts";
import type { TransferDeps } from "./deps.ts";

/** A slow line brings more; what brings less may as well be holding us up. */
const minBytesPerSecond = 10_000;

/** One source's, with one thing that it is asked for. */
export interface Turn {
  /** Aborted when the turn is over. */
  readonly signal: AbortSignal;
  /** Told the size of each chunk that the source brought. */
  readonly onBytes: (chunkBytes: number) => void;
}

export type TurnDeps = Pick<TransferDeps, "context" | "deadlineMs"> & {
  readonly settings: Pick<TransferDeps["settings"], "idleTimeoutMs">;
};

/**
 * Does `work` with a mirror, which gets its share of the time that is left, and no longer than it brings something: whatever it does with
 * a connection, the sources behind it are asked in time.
 *
 * @param sourcesLeft This one, and those behind it.
 * @throws {TimeoutError} its turn is over
 */
export async function inTurn<T>(
  name: string,
  sourcesLeft: number,
  work: (turn: Turn) => Promise<T>,
  { context, deadlineMs, settings }: TurnDeps,
  signal: AbortSignal,
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
  const either = AbortSignal.any([signal, over.signal]);
  // Every request under way listens; Node warns of a leak at eleven.
  setMaxListeners(0, either);
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
