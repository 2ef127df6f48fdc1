/** Whether a tool fulfils the demands on its signers: its index as a whole, or else each locked manifest. */
import type { Services } from "../artifact/services.ts";
import type { ErrorCode } from "../errors.ts";
import type { LockedSignature } from "../lockfile/schema.ts";
import type { Digest } from "../model/digest.ts";
import { listed } from "../model/listed.ts";
import type { Location } from "../model/location.ts";
import type { Demand } from "../signature/check.ts";
import { type SignerDemand, signerDemands } from "./demands.ts";

/** Manifests of one repository that are locked together. */
export interface Unit {
  readonly location: Location;
  /** The index or only manifest; undefined for a template, whose manifests stand alone. */
  readonly root: Digest | undefined;
  /** The locked platforms' manifests. */
  readonly manifests: readonly Digest[];
}

/** The known signatures of one digest, in front of one demand. */
export interface Looked {
  /** The signatures that count. */
  readonly counted: readonly LockedSignature[];
  readonly code: Extract<ErrorCode, "SIGNATURE_MISSING" | "SIGNATURE_REFUSED">;
  /** Why none counts, for people. */
  readonly why: string;
}

export type Look = (location: Location, digest: Digest, demand: Demand) => Promise<Looked>;

/** A demand that a tool does not fulfil. */
export interface Unfulfilled extends Pick<Looked, "code" | "why"> {
  readonly demand: SignerDemand;
  readonly location: Location;
  readonly digest: Digest;
}

export interface Fulfilment {
  /** How many demands there are. */
  readonly demands: number;
  /** All signatures that count for a demand, sorted. */
  readonly signatures: readonly LockedSignature[];
  readonly unfulfilled: readonly Unfulfilled[];
}

/** The signer as one text; the issuer belongs to the identity. */
export function signerText(signature: LockedSignature): string {
  return "key" in signature ? signature.key : `${signature.identity} (${signature.issuer})`;
}

/** Signers shown in a message; a lock may record thousands. */
const maxShownSigners = 10;

export function signersText(signatures: readonly LockedSignature[]): string {
  return listed([...new Set(signatures.map(signerText))], maxShownSigners);
}

/** One of each digest and signer, with the earliest time: a later signature of the same signer changes no lock. */
function sorted(signatures: readonly LockedSignature[]): readonly LockedSignature[] {
  const byName = new Map<string, LockedSignature>();
  for (const one of signatures) {
    const name = `${one.digest} ${signerText(one)}`;
    const known = byName.get(name);
    const isEarlier = one.time !== undefined && (known?.time === undefined || one.time < known.time);
    if (known === undefined || isEarlier) byName.set(name, one);
  }
  return [...byName].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, signature]) => signature);
}

async function fulfil(unit: Unit, demand: SignerDemand, look: Look): Promise<Unfulfilled | readonly LockedSignature[]> {
  const { location, root, manifests } = unit;
  const lookAt = async (digest: Digest) => ({ digest, ...(await look(location, digest, demand.demand)) });
  const whole = root === undefined ? undefined : await lookAt(root);
  if (whole !== undefined && whole.counted.length > 0) return whole.counted;
  const each = await Promise.all([...new Set(manifests)].map((digest) => (digest === root ? whole : lookAt(digest))));
  const looked = each.filter((one) => one !== undefined);
  const missing = looked.find(({ counted }) => counted.length === 0);
  if (missing === undefined && looked.length > 0) return looked.flatMap(({ counted }) => counted);
  // The index is what people sign; a platform's manifest is named where somebody signed others.
  const isPartly = looked.some(({ counted }) => counted.length > 0);
  const { digest, code, why } = (isPartly ? missing : (whole ?? missing)) ?? unlocked(root);
  return { demand, location, digest, code, why };
}

function unlocked(root: Digest | undefined): never {
  throw new TypeError(`a tool without manifests (${root ?? "a template"}) cannot be judged`);
}

/** Compares the signatures of a tool with the demands on each of its repositories. Asks nobody without a demand. */
export async function fulfilment(
  units: readonly Unit[],
  look: Look,
  services: Pick<Services, "context" | "limitOpen" | "settings">,
): Promise<Fulfilment> {
  const judged = await Promise.all(
    units.map(async (unit) => {
      const demands = await signerDemands(unit.location, services);
      return await Promise.all(demands.map((demand) => fulfil(unit, demand, look)));
    }),
  );
  const all = judged.flat();
  const unfulfilled = all.filter((one) => "demand" in one);
  return {
    demands: all.length,
    signatures: sorted(all.flatMap((one) => ("demand" in one ? [] : one))),
    // The platforms of a template fail alike: one of each demand is enough.
    unfulfilled: [...new Map(unfulfilled.map((one) => [`${one.demand.file} ${one.demand.prefix}`, one])).values()],
  };
}
