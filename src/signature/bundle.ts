/**
 * Sigstore bundles, as cosign 3 attaches them: a signed in-toto statement, with the signer's key or certificate and the
 * witnesses of its time.
 *
 * @see sigstore protobuf-specs, protos/sigstore_bundle.proto
 */
import { createHash } from "node:crypto";
import { type Bundle, bundleFromJSON } from "@sigstore/bundle";
import { bounded, type Claim, type Evidence, malformed, maxSignatureBytes } from "./evidence.ts";
import { isAbout, parseStatement, preAuthEncoding, signPredicateType, statementPayloadType } from "./statement.ts";

/** Limit on the digits of a number in a log's entry: a library parses these without a limit, in quadratic time. */
const number = /^[0-9]{1,20}$/;

function parsed(bytes: Uint8Array): Bundle {
  if (bytes.byteLength > maxSignatureBytes) throw malformed("it is over 1 MiB");
  try {
    return bundleFromJSON(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw malformed("it is no sigstore bundle", cause);
  }
}

function certificateOf({ verificationMaterial: { content } }: Bundle): Buffer | undefined {
  switch (content.$case) {
    case "certificate":
      return content.certificate.rawBytes;
    case "x509CertificateChain":
      // The rest of the chain is the trust root's to say.
      return content.x509CertificateChain.certificates[0]?.rawBytes;
    default:
      return undefined;
  }
}

function claimOf(payload: Uint8Array): Claim {
  const statement = parseStatement(payload);
  const { predicateType } = statement;
  return {
    isAbout: (digest) => isAbout(statement, digest),
    predicateType: predicateType === signPredicateType ? undefined : predicateType,
  };
}

/** A signed envelope, whatever its payload is. */
export interface Envelope extends Omit<Evidence, "claim"> {
  /** Name that the bundle gives its key; undefined for a certificate. */
  readonly keyHint: string | undefined;
  readonly payload: Buffer;
  readonly payloadType: string;
}

/**
 * Parses a bundle up to its payload.
 *
 * @throws {ContentVerificationError} `SIGNATURE_INVALID`
 */
export function parseEnvelope(bytes: Uint8Array): Envelope {
  const bundle = parsed(bytes);
  const { content, verificationMaterial } = bundle;
  if (content.$case !== "dsseEnvelope") throw malformed("it signs bytes, and no statement");
  const { payload, payloadType, signatures } = content.dsseEnvelope;
  const [signed, ...others] = signatures;
  if (signed === undefined || others.length > 0) throw malformed("it has not exactly one signature");
  const { tlogEntries: logEntries, timestampVerificationData } = verificationMaterial;
  for (const { logIndex, integratedTime, inclusionProof } of logEntries) {
    const numbers = [logIndex, integratedTime, inclusionProof?.logIndex ?? "0", inclusionProof?.treeSize ?? "0"];
    if (!numbers.every((one) => number.test(one))) throw malformed("a log entry has an invalid number");
  }
  const covered = Buffer.from(preAuthEncoding(payloadType, payload));
  const { content: signer } = verificationMaterial;
  return bounded({
    keyHint: signer.$case === "publicKey" ? signer.publicKey.hint : undefined,
    payload,
    payloadType,
    covered,
    signature: signed.sig,
    // Logs of version 1 name the payload, and those of version 2 perhaps the bytes under the signature.
    loggedHashes: [payload, covered].map((one) => createHash("sha256").update(one).digest()),
    certificate: certificateOf(bundle),
    logEntries,
    timestamps: (timestampVerificationData?.rfc3161Timestamps ?? []).map(({ signedTimestamp }) => signedTimestamp),
  });
}

/**
 * Parses a bundle with a statement.
 *
 * @throws {ContentVerificationError} `SIGNATURE_INVALID`
 */
export function parseBundle(bytes: Uint8Array): Evidence {
  const { payload, payloadType, keyHint: _, ...evidence } = parseEnvelope(bytes);
  if (payloadType !== statementPayloadType) throw malformed("it signs no in-toto statement");
  return { ...evidence, claim: claimOf(payload) };
}
