/** Types of `model.mjs`. */
export interface Assumptions {
  readonly toolsInLock: number;
  readonly builders: number;
  /** Builds of one builder in a day. */
  readonly buildsPerBuilder: number;
  /** Tools of the lock that one build needs. */
  readonly toolsPerBuild: number;
  readonly toolBytes: number;
  /** Tools of the lock that get a new version in a day. */
  readonly newVersionsPerDay: number;
  readonly checkoutsPerBuilder: number;
  /** `buck2 clean` of one builder in a day. */
  readonly cleansPerBuilder: number;
  readonly mirrors: number;
  /** Manifests that are asked for to resolve a tag: index and platform. */
  readonly manifestsPerTag: number;
  /** Manifest requests that an account may send in `quotaHours`. */
  readonly quotaManifests: number;
  readonly quotaHours: number;
  /** Requests that the registry answers in a second; more get 429. */
  readonly limitPerSecond: number;
  /** Hours in which the day's builds happen. */
  readonly busyHours: number;
  /** Traffic out of the registry, for 10⁹ bytes. */
  readonly dollarsPerGb: number;
}

export interface Measured {
  /** Requests for a locked blob that needs no login. */
  readonly openRequests: number;
  /** The same with the challenge and the token service. */
  readonly tokenRequests: number;
  /** Milliseconds for one cold tool that a process costs more than Buck2's own download; undefined if not measured. */
  readonly nativeSavesMs: number | undefined;
}

/** A day at the registry. */
export interface Day {
  readonly blobs: number;
  /** All requests: blobs, manifests, challenges, tokens. */
  readonly requests: number;
  readonly manifests: number;
  readonly bytes: number;
  /** Average in the busy hours. */
  readonly perSecond: number;
  readonly isOverLimit: boolean;
  /** Accounts that the quota of manifests asks for. */
  readonly accounts: number;
  readonly dollars: number;
}

export type Way = "tags" | "lock" | "native" | "mirror" | "action cache";

export interface Results {
  readonly families: Readonly<
    Record<
      string,
      { readonly results: Readonly<Record<string, { readonly ms?: readonly number[]; readonly value?: number }>> }
    >
  >;
}

export const assumptions: Assumptions;
/** @throws for results without the requests of a cold pull */
export function measuredIn(results: Results): Measured;
export function daysOf(given: Assumptions, measured: Measured): Record<"new" | "staying", Record<Way, Day>>;
