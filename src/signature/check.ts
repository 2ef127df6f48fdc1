/** Verdicts: whether a signature counts for a demand, and why not. */
import { asError, OrasClientError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import { type Identity, type IdentityPattern, matchesIdentity } from "../model/identity.ts";
import type { Evidence } from "./evidence.ts";
import type { Problem } from "./problems.ts";
import type { TrustRoot } from "./trust-root.ts";
import { type VerifyingKey, verifiesWith } from "./verifying-key.ts";
import { checkWitnesses, type Vouched } from "./witnesses.ts";

/** Signers of whom one must have signed. Nobody demanded: no signature counts. */
export interface Demand {
  readonly keys: readonly VerifyingKey[];
  readonly identities: readonly IdentityPattern[];
  /** Needed for identities; with keys, for trusted times. */
  readonly trustRoot: TrustRoot | undefined;
}

export type Signer =
  | { readonly kind: "key"; readonly fingerprint: Digest }
  | ({ readonly kind: "identity" } & Identity);

export interface Verdict {
  /** The verified signer, whether demanded or not. Undefined: nobody is proven. */
  readonly signer: Signer | undefined;
  /** A time that something trusted vouches for. */
  readonly time: Date | undefined;
  /** Undefined: the signature counts. */
  readonly problem: Problem | undefined;
  /** For people; empty for a signature that counts. */
  readonly why: string;
}

export function refused(problem: Problem, why: string): Verdict {
  return { signer: undefined, time: undefined, problem, why };
}

/** The reason in one line; a library's message may quote the signature, and `oneLine` bounds it. */
function reasonOf(error: unknown): string {
  return error instanceof OrasClientError ? error.message : asError(error).message.replace(/^unexpected: /, "");
}

function vouched(evidence: Evidence, root: TrustRoot, key: VerifyingKey["key"] | undefined): Vouched | Verdict {
  try {
    return checkWitnesses(evidence, root, key);
  } catch (error) {
    return refused("untrusted", reasonOf(error));
  }
}

function byKey(evidence: Evidence, { key, fingerprint }: VerifyingKey, { trustRoot }: Demand): Verdict {
  const signer = { kind: "key", fingerprint } as const;
  if (trustRoot === undefined) return { signer, time: undefined, problem: undefined, why: "" };
  const found = vouched(evidence, trustRoot, key);
  return "problem" in found ? found : { signer, time: found.time, problem: undefined, why: "" };
}

function byCertificate(evidence: Evidence, { identities, trustRoot }: Demand): Verdict {
  if (trustRoot === undefined) {
    return refused(
      "untrusted",
      "signed with a certificate, which needs a trust root (--trust-root FILE, or `trustRoot` of a policy)",
    );
  }
  const found = vouched(evidence, trustRoot, undefined);
  if ("problem" in found) return found;
  const { identity, time } = found;
  if (identity === undefined) return refused("untrusted", "its certificate names nobody");
  const signer = { kind: "identity", ...identity } as const;
  if (identities.some((one) => matchesIdentity(one, identity))) {
    return { signer, time, problem: undefined, why: "" };
  }
  return { signer, time, problem: "other-identity", why: "signed by somebody else than demanded" };
}

/**
 * Judges one signature.
 *
 * The clock of this machine plays no part: a certificate is compared with the times of witnesses.
 */
export function judge(evidence: Evidence, digest: Digest, demand: Demand): Verdict {
  const { claim, covered, signature, certificate } = evidence;
  if (!claim.isAbout(digest)) return refused("other-digest", "signs another digest");
  if (claim.predicateType !== undefined) {
    return refused("attestation", `an attestation (${claim.predicateType}), and no signature`);
  }
  const key = demand.keys.find((one) => verifiesWith(one.key, covered, signature));
  if (key !== undefined) return byKey(evidence, key, demand);
  if (certificate !== undefined) return byCertificate(evidence, demand);
  return refused(
    "other-key",
    demand.keys.length === 0 ? "signed with a key, and no key is named" : "signed with another key",
  );
}
