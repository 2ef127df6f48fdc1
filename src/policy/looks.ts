/** Two ways to know who signed: the repository's signatures, verified now, and what a lock recorded. */
import { setImmediate } from "node:timers/promises";
import type { Services } from "../artifact/services.ts";
import type { LockedSignature } from "../lockfile/schema.ts";
import type { Digest } from "../model/digest.ts";
import { matchesIdentity } from "../model/identity.ts";
import { listed } from "../model/listed.ts";
import { formatLocation } from "../model/location.ts";
import { type Demand, judge, type Signer, type Verdict } from "../signature/check.ts";
import { type FoundSignatures, findSignatures } from "../signature/find.ts";
import type { Run } from "../transfer/run.ts";
import { type Look, type Looked, signerText } from "./fulfilment.ts";

/** Reasons that a message names. */
const maxReasons = 3;

function recordOf(digest: Digest, signer: Signer, time: Date | undefined): LockedSignature {
  const at = { digest, ...(time === undefined ? {} : { time: time.toISOString() }) };
  return signer.kind === "key"
    ? { ...at, key: signer.fingerprint }
    : { ...at, identity: signer.subject, issuer: signer.issuer };
}

function listedOnce(reasons: readonly string[]): string {
  return listed([...new Set(reasons)], maxReasons);
}

function lookedAt(digest: Digest, { signatures, unread }: FoundSignatures, demand: Demand): Looked {
  const verdicts = signatures.map(
    ({ content }): Verdict => ("claim" in content ? judge(content, digest, demand) : content),
  );
  const counted = verdicts.flatMap(({ problem, signer, time }) =>
    problem === undefined && signer !== undefined ? [recordOf(digest, signer, time)] : [],
  );
  // An attestation says other things than a signature: provenance alone is no signature that was refused.
  const refused = verdicts.filter(({ problem }) => problem !== "attestation");
  if (refused.length + unread === 0) return { counted, code: "SIGNATURE_MISSING", why: "no signature found" };
  const beyond = unread === 0 ? [] : [`${unread} beyond the limit`];
  const why = `none of its signatures counts (${listedOnce([...refused.map((one) => one.why), ...beyond])})`;
  return { counted, code: "SIGNATURE_REFUSED", why };
}

/** Looks each digest's signatures up once, at its repository, and verifies them. */
export function lookInRepository(services: Services, run: Run): Look {
  const found = new Map<string, Promise<FoundSignatures>>();
  return async (location, digest, demand) => {
    const name = `${formatLocation(location)}@${digest}`;
    const looking = found.get(name) ?? findSignatures({ source: services.open(location), digest }, services, run);
    found.set(name, looking);
    return lookedAt(digest, await looking, demand);
  };
}

/** True if a demand names the recorded signer. */
export function isDemanded(signature: LockedSignature, { keys, identities }: Demand): boolean {
  if ("key" in signature) return keys.some(({ fingerprint }) => fingerprint === signature.key);
  const { identity: subject, issuer } = signature;
  return identities.some((one) => matchesIdentity(one, { subject, issuer }));
}

/** Signatures that are compared at a time: whoever wrote the lock chose how long each comparison takes. */
const comparedAtOnce = 16;

/** Reads what a lock recorded, which is as true as whoever may change the lock. */
export function lookInLock(signatures: readonly LockedSignature[], signal: AbortSignal): Look {
  return async (_location, digest, demand) => {
    const of = signatures.filter((one) => one.digest === digest);
    const counted: LockedSignature[] = [];
    for (const [index, one] of of.entries()) {
      if (index % comparedAtOnce === 0) await setImmediate();
      signal.throwIfAborted();
      if (isDemanded(one, demand)) counted.push(one);
    }
    if (of.length === 0) return { counted, code: "SIGNATURE_MISSING", why: "the lock records no signature" };
    return { counted, code: "SIGNATURE_REFUSED", why: `the lock records only ${listedOnce(of.map(signerText))}` };
  };
}
