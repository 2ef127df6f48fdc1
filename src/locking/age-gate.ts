/** The gate of `lock add` and `lock update`: only versions of the demanded age come into the lock. */
import type { Services } from "../artifact/services.ts";
import { type LockedTool, lockedTime } from "../lockfile/schema.ts";
import { PolicyRefusal } from "../policy/refusal.ts";
import type { Run } from "../transfer/run.ts";
import {
  type AgeDemand,
  type AgeFault,
  type AgeOptions,
  ageFaults,
  ageOptionDemands,
  agePolicies,
  faultText,
  formatTime,
  type KnownTime,
} from "./age.ts";
import type { LeftVersion } from "./lock-change.ts";
import { findPublished, isSameVersion, locationsOf } from "./published.ts";

/** A version that was looked up, and the tool's entry in the lock. */
export interface Arrival {
  readonly name: string;
  readonly before: LockedTool | undefined;
  /** The new entry; its layers are not looked at. */
  readonly found: LockedTool;
  /** `leave`: a version that is too young stays for the next run. */
  readonly ifYoung: "leave" | "refuse";
}

export interface AgedTool {
  readonly name: string;
  /** The entry for the lock: as found, with its time; or as before, if the version is left. */
  readonly after: LockedTool;
  readonly left: LeftVersion | undefined;
}

/**
 * The demands on this version. A version that is locked already lets nothing in, so that its minimum age is for
 * `lock check`; only a policy still asks for a time that the entry lacks.
 */
function demandsOn({ before, found }: Arrival, ages: AgeOptions, services: Services): readonly AgeDemand[] {
  const ofPolicies = agePolicies(locationsOf(found, services), services.settings.policies);
  const ofOptions = ageOptionDemands(ages);
  return isSameVersion(before, found)
    ? [...ofPolicies, ...ofOptions.filter(({ kind }) => kind === "max")]
    : [...ofPolicies, ...ofOptions];
}

/**
 * Finds the time of a version if an age is demanded. A version that is locked already keeps its time, without a request.
 *
 * @throws {PolicyRefusal} `VERSION_AGE_REFUSED`
 */
export async function withAge(arrival: Arrival, ages: AgeOptions, services: Services, run: Run): Promise<AgedTool> {
  const { name, before, found, ifYoung } = arrival;
  const isSame = isSameVersion(before, found);
  const recorded = isSame ? before.published : undefined;
  const demands = demandsOn(arrival, ages, services);
  if (demands.length === 0) return { name, after: { ...found, published: recorded }, left: undefined };
  const known: KnownTime =
    recorded === undefined ? await findPublished(found, services, run) : { published: recorded, clock: undefined };
  const faults = ageFaults(demands, known, services.context.now()).filter(
    ({ problem }) => !(isSame && problem === "young"),
  );
  for (const wish of faults.filter(({ demand }) => demand.action === "warn")) {
    services.context.log.warn(`${name}: ${found.reference} ${faultText(wish)}`);
  }
  const after = { ...found, published: known.published };
  const fault = faults.find(({ demand }) => demand.action === "require");
  if (fault === undefined) return { name, after, left: undefined };
  if (fault.problem === "young" && ifYoung === "leave" && before !== undefined) {
    return { name, after: before, left: leftVersion(after, fault) };
  }
  throw new PolicyRefusal("VERSION_AGE_REFUSED", name, `${found.reference} ${faultText(fault)}`, {
    hint: hintFor(fault),
  });
}

function leftVersion({ digest, published }: LockedTool, fault: AgeFault): LeftVersion {
  const { oldEnoughAt } = fault;
  return {
    reason: faultText(fault),
    digest,
    published: published?.time,
    oldEnoughAt: oldEnoughAt === undefined ? undefined : lockedTime(oldEnoughAt),
  };
}

function hintFor({ problem, oldEnoughAt, demand }: AgeFault): string {
  if (oldEnoughAt !== undefined) {
    return `run the command again after ${formatTime(oldEnoughAt)}, or lock an older version by its tag or digest`;
  }
  if (problem === "old") return "ask the publisher for a newer version, or lock another tag";
  const exempt =
    demand.policy === undefined
      ? `leave --${demand.kind}-age out for this tool`
      : `exempt the repository with a policy of its own and ${demand.kind === "min" ? "`minAgeDays` 0" : '`action` "warn"'}`;
  return `sign with \`cosign sign\`, whose log proves a time, and name a \`trustRoot\` beside the \`signers\` of a policy; or ${exempt} (docs/trust.md, Age)`;
}
