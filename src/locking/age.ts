/**
 * Ages of versions: who demands one, and whether a version has it. An age counts from a time that a witness of a
 * signature or the registry vouches for; what the publisher says of the time is not looked at.
 */
import {
  type DecidingPolicy,
  decidingPolicies,
  formatPolicyPrefix,
  type Policy,
  type PolicyFile,
} from "../config/policies.ts";
import type { Published } from "../lockfile/schema.ts";
import { dayMs, formatAge, formatDemandedAge } from "../model/age.ts";
import { formatLocation, type Location } from "../model/location.ts";

/** Ages of `--min-age` and `--max-age`, in milliseconds. */
export interface AgeOptions {
  readonly minAgeMs: number | undefined;
  readonly maxAgeMs: number | undefined;
}

/** One demanded age. */
export interface AgeDemand {
  readonly kind: "min" | "max";
  readonly ms: number;
  /** Absolute path of the policy's file, and the policy's prefix as in the file; undefined for an option. */
  readonly policy: { readonly file: string; readonly prefix: string } | undefined;
  readonly action: Policy["action"];
}

/** A time at which a version was there, and the clocks to compare it with. */
export interface KnownTime {
  readonly published: Published | undefined;
  /** The source's clock; undefined: only this machine's clock is known. */
  readonly clock: Date | undefined;
}

/** A demand that a version does not fulfil. */
export interface AgeFault {
  readonly demand: AgeDemand;
  readonly problem: "young" | "old" | "unknown";
  /** The fault without its demand, as the end of a sentence about the version. */
  readonly text: string;
  /** When a version that is too young will be old enough. */
  readonly oldEnoughAt: Date | undefined;
}

function hasMin(policy: Policy): policy is Policy & { readonly minAgeDays: number } {
  return policy.minAgeDays !== undefined;
}

function hasMax(policy: Policy): policy is Policy & { readonly maxAgeDays: number } {
  return policy.maxAgeDays !== undefined;
}

function demandOf({ file, policy }: DecidingPolicy, kind: AgeDemand["kind"], days: number): AgeDemand {
  const { action, prefix } = policy;
  return { kind, ms: days * dayMs, policy: { file: file.file, prefix: formatPolicyPrefix(prefix) }, action };
}

/** Demands of the policies on a version at these locations; a template may have several. */
export function agePolicies(locations: readonly Location[], files: readonly PolicyFile[]): readonly AgeDemand[] {
  const distinct = new Map(locations.map((one) => [formatLocation(one), one] as const));
  return [...distinct.values()].flatMap((location) => [
    ...decidingPolicies(location, files, hasMin)
      .filter(({ policy }) => policy.minAgeDays > 0)
      .map((one) => demandOf(one, "min", one.policy.minAgeDays)),
    ...decidingPolicies(location, files, hasMax).map((one) => demandOf(one, "max", one.policy.maxAgeDays)),
  ]);
}

/** Demands of the command line, in addition to the policies. */
export function ageOptionDemands({ minAgeMs, maxAgeMs }: AgeOptions): readonly AgeDemand[] {
  return [
    ...(minAgeMs === undefined ? [] : [{ kind: "min", ms: minAgeMs, policy: undefined, action: "require" } as const]),
    ...(maxAgeMs === undefined ? [] : [{ kind: "max", ms: maxAgeMs, policy: undefined, action: "require" } as const]),
  ];
}

/** `2026-11-24 10:00 UTC` */
export function formatTime(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** The words of `published.by`, in a sentence. */
const vouchers: Readonly<Record<Published["by"], string>> = {
  registry: "says the registry",
  signature: "says a witness of its signature",
};

/** The fault and its demand, as the end of a sentence about the version. */
export function faultText({ text, demand }: AgeFault): string {
  return `${text}; ${demandText(demand)}`;
}

function demandText({ kind, ms, policy }: AgeDemand): string {
  const by = policy === undefined ? `--${kind}-age` : `the policy for ${policy.prefix} in ${policy.file}`;
  return `${by} demands ${kind === "min" ? "at least" : "at most"} ${formatDemandedAge(ms)}`;
}

function faultOf(demand: AgeDemand, { published, clock }: KnownTime, nowMs: number): AgeFault | undefined {
  const fault = (problem: AgeFault["problem"], text: string, oldEnoughAt?: Date): AgeFault => ({
    demand,
    problem,
    text,
    oldEnoughAt,
  });
  if (published === undefined) return fault("unknown", "has no age: nothing trusted vouches for a time");
  const at = new Date(published.time);
  const clocks = [nowMs, clock?.getTime() ?? nowMs];
  // Each demand is compared with the clock that makes it harder to fulfil: one of both may be wrong.
  const ageMs = (demand.kind === "min" ? Math.min(...clocks) : Math.max(...clocks)) - at.getTime();
  if (demand.kind === "min" ? ageMs >= demand.ms : ageMs <= demand.ms) return undefined;
  const since = `${formatTime(at)}, ${vouchers[published.by]}`;
  if (demand.kind === "max") return fault("old", `is ${formatAge(ageMs)} old (${since})`);
  const age = ageMs < 0 ? `is of the future (${since}): a clock is wrong` : `is ${formatAge(ageMs)} old (${since})`;
  return fault("young", age, new Date(at.getTime() + demand.ms));
}

/**
 * The demands that a version does not fulfil: minimum ages before maximum ages, and of each the hardest first.
 *
 * A minimum age is compared with the earlier of this machine's clock and the registry's, a maximum age with the later.
 * A time in the future is no age.
 *
 * @param nowMs This machine's clock.
 */
export function ageFaults(demands: readonly AgeDemand[], known: KnownTime, nowMs: number): readonly AgeFault[] {
  const hardness = ({ kind, ms }: AgeDemand): number => (kind === "min" ? ms : -ms);
  return demands
    .toSorted((one, other) => hardness(other) - hardness(one))
    .map((demand) => faultOf(demand, known, nowMs))
    .filter((fault) => fault !== undefined);
}
