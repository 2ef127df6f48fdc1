/** `verify --signature`: who signed the artifact of a reference, and whether a demanded signer did. */

import { expandNamedReference, fetchRoot, resolveArtifact } from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import type { ErrorCode } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import { type IdentityPattern, parsePattern } from "../model/identity.ts";
import type { PlatformString } from "../model/platform.ts";
import { judge, type Signer } from "../signature/check.ts";
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

export interface SignatureReport {
  readonly reference: string;
  /** The manifest whose signatures were sought. */
  readonly digest: Digest;
  readonly verified: boolean;
  /** Undefined if a signature counts. */
  readonly code: Extract<ErrorCode, "SIGNATURE_MISSING" | "SIGNATURE_REFUSED"> | undefined;
  readonly signatures: readonly CheckedSignature[];
  /** Signatures beyond the limit, which were not read. */
  readonly unread: number;
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

async function readReport(request: SignatureRequest, services: Services, run: Run): Promise<SignatureReport> {
  const { context } = services;
  const demand = {
    keys: await Promise.all(request.keys.map((path) => readVerifyingKey(path, context))),
    identities: request.identities.map(({ subject, issuer }) => ({
      subject: parsePattern(subject, "identity"),
      issuer: parsePattern(issuer, "issuer"),
    })),
    trustRoot: request.trustRoot === undefined ? undefined : await readTrustRoot(request.trustRoot, context),
  };
  const { text, source, digest } = await resolved(request, services, run);
  const { signatures, unread } = await findSignatures({ source, digest }, services, run);
  const checked = signatures.map(({ content, ...one }) => {
    const { problem, why, signer, time } = "claim" in content ? judge(content, digest, demand) : content;
    const counted = problem === undefined;
    return { ...one, signer, time: time?.toISOString(), counted, problem, reason: counted ? undefined : why };
  });
  const verified = checked.some(({ counted }) => counted);
  // An attestation says other things than a signature: provenance alone is no signature that was refused.
  const isSigned = unread > 0 || checked.some(({ problem }) => problem !== "attestation");
  const code = isSigned ? "SIGNATURE_REFUSED" : "SIGNATURE_MISSING";
  return { reference: text, digest, verified, code: verified ? undefined : code, signatures: checked, unread };
}

/** Resolves the reference once: everything after goes by digest, so a tag that moves meanwhile changes nothing. */
async function resolved({ reference, platform }: SignatureRequest, services: Services, run: Run) {
  const expanded = expandNamedReference(reference, platform, services);
  if (platform !== undefined && !expanded.isTemplate) {
    const { source, manifestDigest } = await resolveArtifact(expanded, services, run);
    return { text: expanded.text, source, digest: manifestDigest };
  }
  const { source, root } = await fetchRoot(expanded.reference, services, run);
  return { text: expanded.text, source, digest: root.digest };
}
