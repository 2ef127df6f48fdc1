/** The values of one request; the values that requests share are `Services`. */
import type { MirrorHealth } from "./mirror-health.ts";

export interface Run {
  /** Aborted at the end of the request's time, or by the caller. */
  readonly signal: AbortSignal;
  /** End of the request's time, in milliseconds since the epoch. */
  readonly deadlineMs: number;
  readonly mirrorHealth: MirrorHealth;
}

/** The request's values for a part of the work, which `signal` may abort earlier. */
export function withSignal(run: Run, signal: AbortSignal): Run {
  return { ...run, signal };
}
