/** `verify --signature`: who signed the artifact of a reference, and whether a demanded signer did. */

import { expandNamedReference, fetchRoot, resolveArtifact } from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import { checkPoliciesKnown } from "../config/ignored-policies.ts";
import type { ErrorCode } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import { type IdentityPattern, parsePattern } from "../model/identity.ts";
import type { PlatformString } from "../model/platform.ts";
import { type SignerDemand, signerDemands } from "../policy/demands.ts";
import { type Demand, judge, type Signer, type Verdict } from "../signature/check.ts";
import type { Evidence } from "../signature/evidence.ts";
import { findSignatures } from "../signature/find.ts";
import type { Problem, SignatureForm } from "../signature/problems.ts";
import { readTrustRoot } from "../signature/trust-root.ts";
import { readVerifyingKey } from "../signature/verifying-key.ts";
import type { Run } from "../transfer/run.ts";

export interface SignatureRequest {
  readonly reference: string;
  /** Undefined: the index, or the only manifest. */
  readonly platform: PlatformString | undefined;
  /** Paths of public keys. */
  readonly keys: readonly string[];
  readonly identities: readonly IdentityPattern[];
  /** Path of a trusted_root.json. */
  readonly trustRoot: string | undefined;
}

export interface CheckedSignature {
  readonly form: SignatureForm;
  readonly manifest: Digest;
  readonly layer: Digest | undefined;
  readonly signer: Signer | undefined;
  /** ISO 8601 in UTC. */
  readonly time: string | undefined;
  readonly counted: boolean;
  readonly problem: Problem | undefined;
  readonly reason: string | undefined;
}

/** A policy whose signers were demanded, since the request named none. */
export interface AppliedPolicy extends Pick<SignerDemand, "action" | "file" | "prefix"> {
  readonly fulfilled: boolean;
}

export interface SignatureReport {
  readonly reference: string;
  /** The manifest whose signatures were sought. */
  readonly digest: Digest;
  /** True if a signature counts for each demand. */
  readonly verified: boolean;
  /** Undefined if verified. */
  readonly code: Extract<ErrorCode, "SIGNATURE_MISSING" | "SIGNATURE_REFUSED"> | undefined;
  readonly signatures: readonly CheckedSignature[];
  /** Signatures beyond the limit, which were not read. */
  readonly unread: number;
  /** Empty if the request names signers, and without a policy. */
  readonly policies: readonly AppliedPolicy[];
}

export async function verifySignatures(
  request: SignatureRequest,
  services: Services,
  run: Run,
): Promise<SignatureReport> {
  return await audited(
    { operation: "verify", reference: request.reference },
    services,
    () => readReport(request, services, run),
    ({ digest, code }) => ({ digest, refusal: code }),
  );
}

async function demandOf(request: SignatureRequest, { context }: Services): Promise<Demand> {
  return {
    keys: await Promise.all(request.keys.map((path) => readVerifyingKey(path, context))),
    identities: request.identities.map(({ subject, issuer }) => ({
      subject: parsePattern(subject, "identity"),
      issuer: parsePattern(issuer, "issuer"),
    })),
    trustRoot: request.trustRoot === undefined ? undefined : await readTrustRoot(request.trustRoot, context),
  };
}

/** The verdict for the first demand that the signature counts for, or else for the first demand. */
function judgeAll(evidence: Evidence, digest: Digest, [first, ...others]: readonly [Demand, ...Demand[]]): Verdict {
  const verdict = judge(evidence, digest, first);
  if (verdict.problem === undefined) return verdict;
  const better = others.map((one) => judge(evidence, digest, one)).find(({ problem }) => problem === undefined);
  return better ?? verdict;
}

async function readReport(request: SignatureRequest, services: Services, run: Run): Promise<SignatureReport> {
  const named = await demandOf(request, services);
  const { text, source, digest, location } = await resolved(request, services, run);
  const isNamed = named.keys.length + named.identities.length > 0 || named.trustRoot !== undefined;
  if (!isNamed) await checkPoliciesKnown(["signers"], services);
  const policies = isNamed ? [] : await signerDemands(location, services);
  const [first = named, ...others] = policies.map(({ demand }) => demand);
  const demands = [first, ...others] as const;
  const { signatures, unread } = await findSignatures({ source, digest }, services, run);
  const counts = (content: Evidence | Verdict, demand: Demand): boolean =>
    "claim" in content && judge(content, digest, demand).problem === undefined;
  const checked = signatures.map(({ content, ...one }) => {
    const { problem, why, signer, time } = "claim" in content ? judgeAll(content, digest, demands) : content;
    const counted = problem === undefined;
    return { ...one, signer, time: time?.toISOString(), counted, problem, reason: counted ? undefined : why };
  });
  const verified = demands.every((demand) => signatures.some(({ content }) => counts(content, demand)));
  // An attestation says other things than a signature: provenance alone is no signature that was refused.
  const isSigned = unread > 0 || checked.some(({ problem }) => problem !== "attestation");
  const code = isSigned ? "SIGNATURE_REFUSED" : "SIGNATURE_MISSING";
  const applied = policies.map(({ file, prefix, action, demand }) => {
    return { file, prefix, action, fulfilled: signatures.some(({ content }) => counts(content, demand)) };
  });
  const report = { reference: text, digest, verified, signatures: checked, unread, policies: applied };
  return { ...report, code: verified ? undefined : code };
}

/** Resolves the reference once: everything after goes by digest, so a tag that moves meanwhile changes nothing. */
async function resolved({ reference, platform }: SignatureRequest, services: Services, run: Run) {
  const expanded = expandNamedReference(reference, platform, services);
  const at = { text: expanded.text, location: expanded.reference.location };
  if (platform !== undefined && !expanded.isTemplate) {
    const { source, manifestDigest } = await resolveArtifact(expanded, services, run);
    return { ...at, source, digest: manifestDigest };
  }
  const { source, root } = await fetchRoot(expanded.reference, services, run);
  return { ...at, source, digest: root.digest };
}
