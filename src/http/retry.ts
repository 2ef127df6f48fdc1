/** When to ask again, and how long to wait. */

/** How hard one server is tried. */
export interface RetryPolicy {
  /** The first one included. */
  readonly maxTries: number;
  /** Waits as long as `Retry-After` asks; otherwise an answer that asks for it is the last one. */
  readonly isPatient: boolean;
}

export const defaultRetry: RetryPolicy = { maxTries: 5, isPatient: true };
/** For a server in whose place another one can be asked. */
export const mirrorRetry: RetryPolicy = { maxTries: 2, isPatient: false };
/** The caller retries itself, from the beginning. */
export const noRetry: RetryPolicy = { maxTries: 1, isPatient: true };

const firstDelayMs = 200;
const maxDelayMs = 10_000;

const retryableStatuses: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
/** The server did not act on the request, so that even a POST may be sent again. */
const unprocessedStatuses: ReadonlySet<number> = new Set([429, 503]);

export function isRetryableStatus(status: number, isRepeatable: boolean): boolean {
  return isRepeatable ? retryableStatuses.has(status) : unprocessedStatuses.has(status);
}

/** Full jitter: anything from nothing to the doubled limit, so that many clients do not come back together. */
export function backoffMs(failures: number, random: () => number): number {
  return Math.floor(random() * Math.min(maxDelayMs, firstDelayMs * 2 ** failures));
}

/**
 * RFC 9110, section 10.2.3: seconds, or a date.
 *
 * @returns Milliseconds from `nowMs`, or undefined when the header says nothing that can be understood.
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^[0-9]{1,10}$/.test(text)) return Number(text) * 1000;
  const date = /^[A-Za-z]{3,9}, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
