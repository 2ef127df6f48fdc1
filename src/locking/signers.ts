/** Signers of a tool that is about to be locked: what policies demand, and what the lock recorded before. */
import type { Services } from "../artifact/services.ts";
import { UsageError } from "../errors.ts";
import type { LockedSignature, LockedTool, LockPlatform } from "../lockfile/schema.ts";
import { type Digest, isDigest } from "../model/digest.ts";
import { formatLocation } from "../model/location.ts";
import { fulfilment, signersText, type Unfulfilled, type Unit } from "../policy/fulfilment.ts";
import { lookInRepository } from "../policy/looks.ts";
import { acceptingOption, PolicyRefusal } from "../policy/refusal.ts";
import { printable } from "../printable.ts";
import type { Run } from "../transfer/run.ts";
import type { Found } from "./manifests.ts";

/** A tool's name and reference, as in the lock. */
interface Named {
  readonly name: string;
  readonly reference: string;
}

/** The manifests of an index, or of a reference without platforms, belong together; those of a template stand alone. */
function unitsOf({ digest, found }: Found): readonly Unit[] {
  const [first] = found;
  if (digest !== undefined && first !== undefined) {
    return [{ location: first.location, root: digest, manifests: found.map((one) => one.digest) }];
  }
  return found.map((one) => ({ location: one.location, root: undefined, manifests: [one.digest] }));
}

/** Such as `is not signed as the policy for ghcr.io/acme in FILE demands: no signature found`. */
export function unfulfilledText({ demand, why }: Pick<Unfulfilled, "demand" | "why">): string {
  return `is not signed as the policy for ${demand.prefix} in ${demand.file} demands: ${printable(why)}`;
}

/**
 * Verifies the signatures that policies demand. Without a policy, nobody is asked.
 *
 * @returns The signatures for the lock; undefined if none counts for a demand.
 * @throws {PolicyRefusal} `SIGNATURE_MISSING`, `SIGNATURE_REFUSED`
 */
export async function signaturesOf(
  { name, reference }: Named,
  found: Found,
  services: Services,
  run: Run,
): Promise<LockedTool["signatures"]> {
  const { signatures, unfulfilled } = await fulfilment(unitsOf(found), lookInRepository(services, run), services);
  const required = unfulfilled.filter(({ demand }) => demand.action === "require");
  const [refused] = required;
  if (refused !== undefined) {
    const at = `${formatLocation(refused.location)}@${refused.digest}`;
    throw new PolicyRefusal(refused.code, name, `${reference} ${required.map(unfulfilledText).join("; and it ")}`, {
      hint: `see its signatures with \`buck2-oras verify --signature ${at}\`; if it is yours, sign it with \`buck2-oras sign ${at} --key FILE\`, else ask its publisher to sign it`,
    });
  }
  if (unfulfilled.length > 0) {
    services.context.log.warn(`${name}: ${reference} ${unfulfilled.map(unfulfilledText).join("; and it ")}`);
  }
  return signatures.length === 0 ? undefined : [...signatures];
}

/** Value of `--accept-signer` for a tool that no signer vouches for any more. */
const nobody = "none";

/** The signer apart from the release: the branch or tag in an identity is another one with each version. */
function enduringName(signature: LockedSignature): string {
  return "key" in signature ? signature.key : `${withoutRef(signature.identity)} (${signature.issuer})`;
}

/** The first `@refs/`, since a branch may have this text in its name, and a workflow's path may not. */
function withoutRef(identity: string): string {
  const at = identity.indexOf("@refs/");
  return at === -1 ? identity : identity.slice(0, at);
}

/** How `--accept-signer` may name the signer. */
function namesOf(signature: LockedSignature): readonly string[] {
  return "key" in signature ? [signature.key] : [signature.identity, withoutRef(signature.identity)];
}

/** @throws {UsageError} for a text that can name no signer */
export function checkAccepted(accepted: readonly string[]): void {
  const wrong = accepted.find(
    (text) => text !== nobody && !isDigest(text) && !/^[\x21-\x7e]*[/@][\x21-\x7e]*$/.test(text),
  );
  if (wrong === undefined) return;
  throw new UsageError("USAGE_INVALID", `${JSON.stringify(wrong)} names no signer`, {
    hint: "give --accept-signer the fingerprint of a key (sha256:…), an identity, or none",
  });
}

/** One tool's entry, before and after the change. */
export interface Replaced {
  readonly name: string;
  readonly before: LockedTool | undefined;
  readonly after: LockedTool;
}

/** The signatures that vouch for a platform: of its manifest, and of the whole. */
function vouching(tool: LockedTool, manifest: Digest): readonly LockedSignature[] {
  return (tool.signatures ?? []).filter(({ digest }) => digest === manifest || digest === tool.digest);
}

/**
 * Signatures of platforms that lost their recorded signers, a list for each. A platform is judged alone: with one key
 * that a policy names, somebody could otherwise replace the program of one platform beside the untouched ones.
 */
function strangersIn(before: LockedTool, after: LockedTool, known: ReadonlySet<string>): readonly LockedSignature[][] {
  return Object.entries(after.platforms).flatMap(([platform, { manifest }]) => {
    const now = vouching(after, manifest);
    if (now.some((one) => known.has(enduringName(one)))) return [];
    const was = before.platforms[platform as LockPlatform];
    // Such as a platform of a template whose repository no policy covers.
    const isNew = was === undefined || vouching(before, was.manifest).length === 0;
    return isNew && now.length === 0 && (after.signatures ?? []).length > 0 ? [] : [[...now]];
  });
}

function lostIn({ name, before, after }: Replaced, accepted: ReadonlySet<string>): readonly PolicyRefusal[] {
  const recorded = before?.signatures ?? [];
  if (before === undefined || recorded.length === 0) return [];
  const strangers = strangersIn(before, after, new Set(recorded.map(enduringName)));
  const isAccepted = (now: readonly LockedSignature[]): boolean =>
    now.length === 0 ? accepted.has(nobody) : now.every((one) => namesOf(one).some((text) => accepted.has(text)));
  const lost = strangers.filter((now) => !isAccepted(now));
  if (lost.length === 0) return [];
  const names = lost.flatMap((now) => (now.length === 0 ? [nobody] : now.map((one) => namesOf(one).at(-1) ?? "")));
  const now = lost.flat();
  const is = now.length === 0 ? "no policy finds a signature any more" : `now ${signersText(now)} did`;
  const accepts = [...new Set(names)].map((one) => acceptingOption("--accept-signer", one));
  const message = `the lock records that ${signersText(recorded)} signed it, and ${is}`;
  return [new PolicyRefusal("SIGNER_CHANGED", name, message, { accepts })];
}

/**
 * The changes that lose the recorded signers of a tool, unless a person named the new ones.
 *
 * @param accepted Values of `--accept-signer`.
 */
export function lostSigners(replaced: readonly Replaced[], accepted: readonly string[]): readonly PolicyRefusal[] {
  const words = new Set(accepted);
  return replaced.flatMap((one) => lostIn(one, words));
}
