/** Comparison of a lock with the policies of today, by what the lock recorded, or by the signatures and times themselves. */
import { readReference } from "../artifact/naming.ts";
import type { Services } from "../artifact/services.ts";
import type { Lock, LockedSignature, LockedTool } from "../lockfile/schema.ts";
import { formatLocation } from "../model/location.ts";
import { inParallel } from "../parallel.ts";
import { fulfilment, type Look, signersText, signerText, type Unit } from "../policy/fulfilment.ts";
import { lookInLock, lookInRepository } from "../policy/looks.ts";
import { printable } from "../printable.ts";
import { type Run, withSignal } from "../transfer/run.ts";
import { type AgeDemand, ageFaults, agePolicies, type KnownTime } from "./age.ts";
import { goneManifest } from "./origins.ts";
import type { PolicyFault } from "./policy-fault.ts";
import { findPublished, locationsOf } from "./published.ts";

type Entry = readonly [tool: string, locked: LockedTool];

function unitsOf({ digest, platforms }: LockedTool, services: Services): readonly Unit[] {
  const all = Object.values(platforms).map(({ repository, manifest }) => ({
    location: readReference(repository, services).location,
    manifest,
  }));
  const [first] = all;
  if (digest !== undefined && first !== undefined) {
    return [{ location: first.location, root: digest, manifests: all.map(({ manifest }) => manifest) }];
  }
  return all.map(({ location, manifest }) => ({ location, root: undefined, manifests: [manifest] }));
}

interface JudgedSigners {
  readonly faults: readonly PolicyFault[];
  /** The signatures that count for a demand. */
  readonly signatures: readonly LockedSignature[];
}

/** The place that a look looks into. */
type Place = "lock" | "repository";

async function judgeSigners(
  [tool, locked]: Entry,
  [place, look]: readonly [Place, Look],
  services: Services,
): Promise<JudgedSigners> {
  const { reference, signatures = [] } = locked;
  const { demands, unfulfilled, signatures: counted } = await fulfilment(unitsOf(locked, services), look, services);
  if (demands === 0 && signatures.length > 0) {
    const reason = `the lock records that ${signersText(signatures)} signed it, and no policy demands a signature any more`;
    const none = { file: undefined, prefix: undefined, unsigned: undefined };
    const fault = { tool, reference, code: "SIGNER_CHANGED", action: "require", ...none, reason } as const;
    return { faults: [fault], signatures: counted };
  }
  const faults = unfulfilled.map(({ demand: { action, file, prefix }, location, digest, code, why }) => ({
    tool,
    reference,
    code,
    action,
    file,
    prefix,
    reason: printable(why),
    unsigned: place === "lock" ? undefined : `${formatLocation(location)}@${digest}`,
  }));
  return { faults, signatures: counted };
}

/** Judged now: a version grows old enough, or too old, without any change of the lock. */
function judgeAge(
  [tool, { reference }]: Entry,
  demands: readonly AgeDemand[],
  known: KnownTime,
  nowMs: number,
): readonly PolicyFault[] {
  return ageFaults(demands, known, nowMs).map(({ demand: { action, policy }, text }) => ({
    tool,
    reference,
    code: "VERSION_AGE_REFUSED",
    action,
    file: policy?.file,
    prefix: policy?.prefix,
    reason: text,
    unsigned: undefined,
  }));
}

function ageDemandsOn([, locked]: Entry, services: Services): readonly AgeDemand[] {
  return agePolicies(locationsOf(locked, services), services.settings.policies);
}

function isOfAge({ code }: PolicyFault): boolean {
  return code === "VERSION_AGE_REFUSED";
}

const noTime: KnownTime = { published: undefined, clock: undefined };

/** Reason of an age's fault that `lock update` may mend. */
export const noRecordedTime = "the lock records no time from which its age counts";

/** Compares the entries with the policies. Asks no registry, and trusts what the lock records. */
export async function checkPolicies(lock: Lock, services: Services, run: Run): Promise<readonly PolicyFault[]> {
  const entries = Object.entries(lock.tools);
  const faults = await inParallel(entries, run.signal, async (entry, either) => {
    const [, { published, signatures = [] }] = entry;
    const known = { published, clock: undefined };
    return [
      ...(await judgeSigners(entry, ["lock", lookInLock(signatures, either)], services)).faults,
      ...judgeAge(entry, ageDemandsOn(entry, services), known, services.context.now()).map((fault) =>
        published === undefined ? { ...fault, reason: noRecordedTime } : fault,
      ),
    ];
  });
  return faults.flat();
}

/**
 * Also looks the signatures up and verifies them, and asks for the times again, so that nothing rests on the records.
 *
 * @param services Their `open` reads layout folders from the lock's folder.
 */
export async function checkPoliciesOnline(lock: Lock, services: Services, run: Run): Promise<readonly PolicyFault[]> {
  const recorded = await checkPolicies(lock, services, run);
  const found = await inParallel(Object.entries(lock.tools), run.signal, async (entry, either) => {
    const [tool, locked] = entry;
    const { signatures = [] } = locked;
    const look = lookInRepository(services, withSignal(run, either));
    let gone: Promise<string | undefined> | undefined;
    const inRepository: Look = async (location, digest, demand) => {
      const looked = await look(location, digest, demand);
      if (looked.counted.length > 0) {
        gone ??= goneManifest(entry, services, withSignal(run, either));
        const lost = await gone;
        const why = `the lock ${lost}: nobody can tell whether the signature is one of the locked files`;
        if (lost !== undefined) return { counted: [], code: "SIGNATURE_REFUSED", why };
      }
      const claimed = await lookInLock(signatures, either)(location, digest, demand);
      const invented = claimed.counted.find(
        (one) => !looked.counted.some((real) => signerText(real) === signerText(one)),
      );
      if (invented === undefined) return looked;
      const isNone = looked.counted.length > 0 || looked.code === "SIGNATURE_MISSING";
      const why = `the lock records a signature of ${signerText(invented)}, and ${isNone ? "the repository has none" : looked.why}`;
      const code = looked.counted.length === 0 ? looked.code : "SIGNATURE_REFUSED";
      return { counted: [], code, why };
    };
    const known = recorded.filter((one) => one.tool === tool);
    const judged = await judgeSigners(entry, ["repository", inRepository], services);
    const verified = { ...locked, signatures: [...judged.signatures] };
    const demands = ageDemandsOn(entry, services);
    const time = demands.length === 0 ? noTime : await findPublished(verified, services, withSignal(run, either));
    const seen = [...judged.faults, ...judgeAge(entry, demands, time, services.context.now())];
    // A policy that the records do not fulfil is named once, whatever the repository has.
    const isKnown = (fault: PolicyFault): boolean =>
      known.some((one) => one.file === fault.file && one.prefix === fault.prefix && isOfAge(one) === isOfAge(fault));
    return [...known, ...seen.filter((fault) => !isKnown(fault))];
  });
  return found.flat();
}
