/** Retry policies and waiting times. */
import { type Context, whileAwaiting } from "../context.ts";

export interface RetryPolicy {
  /** Includes the first try. */
  readonly maxTries: number;
  /** True: waits as long as `Retry-After` asks. False: a response with `Retry-After` is final. */
  readonly isPatient: boolean;
}

export const defaultRetry: RetryPolicy = { maxTries: 5, isPatient: true };
/** Policy for a server with an alternative. */
export const mirrorRetry: RetryPolicy = { maxTries: 2, isPatient: false };
/** The caller retries itself, from the beginning. */
export const noRetry: RetryPolicy = { maxTries: 1, isPatient: true };

const firstDelayMs = 200;
const maxDelayMs = 10_000;

const retryableStatuses: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
/** The server did not process the request: even a POST may be repeated. */
const unprocessedStatuses: ReadonlySet<number> = new Set([429, 503]);

export function isRetryableStatus(status: number, isRepeatable: boolean): boolean {
  return isRepeatable ? retryableStatuses.has(status) : unprocessedStatuses.has(status);
}

/** Exponential backoff with full jitter, in milliseconds; the jitter spreads clients that failed together. */
export function backoffMs(failures: number, random: () => number): number {
  return Math.floor(random() * Math.min(maxDelayMs, firstDelayMs * 2 ** failures));
}

/**
 * Parses `Retry-After`: seconds or a date.
 *
 * @returns Milliseconds from `nowMs`; undefined for a missing or malformed header.
 * @see RFC 9110, section 10.2.3
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^[0-9]{1,10}$/.test(text)) return Number(text) * 1000;
  const date = /^[A-Za-z]{3,9}, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

/**
 * Waits before a try, and counts down on a terminal.
 *
 * @param what Such as `ghcr.io: try 2 of 5`.
 */
export async function pauseFor(
  waitMs: number,
  what: string,
  { now, progress, sleep }: Pick<Context, "now" | "progress" | "sleep">,
  signal: AbortSignal,
): Promise<void> {
  const endMs = now() + waitMs;
  const text = (): string => `${what} in ${Math.max(1, Math.ceil((endMs - now()) / 1000))} s`;
  await whileAwaiting(progress, text, () => sleep(waitMs, signal));
}
