/**
 * Policies that cover no tool of a lock: a mistake in a prefix makes a policy say nothing, without any error.
 *
 * The user's file serves many projects, so that its policies cover tools of other locks. A project's policy for imports alone
 * is no demand on the lock.
 */
import type { Services } from "../artifact/services.ts";
import { covers, formatPolicyPrefix, type Policy } from "../config/policies.ts";
import type { Lock, LockedTool } from "../lockfile/schema.ts";
import { formatLocation, type Location } from "../model/location.ts";
import { nearestOf } from "../model/nearest.ts";
import { locationsOf } from "./published.ts";

export interface UnboundPolicy {
  /** Absolute path of the project's configuration file. */
  readonly file: string;
  /** As in the file. */
  readonly prefix: string;
  /** A similar prefix of tools in the lock. */
  readonly nearest: string | undefined;
}

/** Prefixes that are compared for a suggestion. */
const maxCompared = 200;

function hasDemand({ signers, minAgeDays, maxAgeDays }: Policy): boolean {
  return signers !== undefined || minAgeDays !== undefined || maxAgeDays !== undefined;
}

/** `ghcr.io`, `ghcr.io/acme` and so on, down to the repository itself. */
function prefixesOf(location: Location): readonly string[] {
  if (location.kind === "layout") return [];
  const parts = [location.registry, ...location.repository.split("/")];
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

function locationsIn(lock: Lock, services: Services): readonly Location[] {
  const all = Object.values(lock.tools).flatMap((tool) => locationsOf(tool, services));
  return [...new Map(all.map((one) => [formatLocation(one), one])).values()];
}

/** Whether a policy demands a signer or an age of the tool. */
function isCovered(tool: LockedTool, services: Services): boolean {
  const locations = locationsOf(tool, services);
  return services.settings.policies.some(({ policies }) =>
    policies.some((policy) => hasDemand(policy) && locations.some((one) => covers(policy, one))),
  );
}

export function unboundPolicies(lock: Lock, services: Services): readonly UnboundPolicy[] {
  const locations = locationsIn(lock, services);
  // An empty lock is the beginning of one.
  if (locations.length === 0) return [];
  const known = [...new Set(locations.flatMap(prefixesOf))].slice(0, maxCompared);
  return services.settings.policies.flatMap(({ file, isOwn, policies }) =>
    policies
      .filter((policy) => !isOwn && hasDemand(policy) && !locations.some((one) => covers(policy, one)))
      .map((policy) => {
        const prefix = formatPolicyPrefix(policy.prefix);
        return { file, prefix, nearest: nearestOf(prefix, known) };
      }),
  );
}

/** Names of the tools that no policy covers: a check finds no fault in them, whoever made them. */
export function uncoveredTools(lock: Lock, services: Services): readonly string[] {
  return Object.entries(lock.tools)
    .filter(([, tool]) => !isCovered(tool, services))
    .map(([name]) => name);
}

/** Such as `the policy for ghcr.io/amce in FILE covers no tool of the lock; did you mean ghcr.io/acme?`. */
export function unboundText({ file, prefix, nearest }: UnboundPolicy): string {
  const meant = nearest === undefined ? "check the prefix" : `did you mean ${nearest}?`;
  return `the policy for ${prefix} in ${file} covers no tool of the lock; ${meant}`;
}

/**
 * Warns of a new tool that no policy covers, if a policy of the project covers no tool: one of both names is probably
 * misspelt. Tools from elsewhere, beside policies that cover others, are no mistake.
 */
export function warnOfUncovered(name: string, tool: LockedTool, lock: Lock, services: Services): void {
  if (isCovered(tool, services)) return;
  const [unbound] = unboundPolicies(lock, services);
  if (unbound === undefined) return;
  services.context.log.warn(
    `no policy covers ${name}, so nobody's signature was looked for, and ${unboundText(unbound)}`,
  );
}
