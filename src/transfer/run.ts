/** The values of one request; the values that requests share are `Services`. */
import type { MirrorHealth } from "./mirror-health.ts";

export interface Run {
  /** Aborted when the request's time is up, or its caller gives up. */
  readonly signal: AbortSignal;
  /** End of the request's time, in milliseconds since the epoch. */
  readonly deadlineMs: number;
  readonly mirrorHealth: MirrorHealth;
}

/** The same request for a part of its work, which `signal` ends earlier. */
export function withSignal(run: Run, signal: AbortSignal): Run {
  return { ...run, signal };
}
