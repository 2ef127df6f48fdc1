/**
 * Signatures as cosign 3 writes them: a sigstore bundle with an in-toto statement in a DSSE envelope, signed by a key,
 * without a transparency log.
 *
 * @see protobuf-specs, sigstore_bundle.proto
 */
import * as v from "valibot";
import { type Digest, digestHex } from "../model/digest.ts";
import { type Annotations, annotationKeys } from "../model/manifest.ts";
import { bundleKeys, dsseContent, signatureTypes } from "./media-types.ts";
import type { SigningKey } from "./signing-key.ts";
import { preAuthEncoding, signPredicateType, signStatement, statementPayloadType, statementType } from "./statement.ts";

/** Annotations of the manifest, by which cosign finds signatures among other attestations. */
export function bundleAnnotations(created: Date): Annotations {
  return {
    [bundleKeys.content]: dsseContent,
    [bundleKeys.predicateType]: signPredicateType,
    [annotationKeys.created]: created.toISOString().replace(/\.\d+/, ""),
  };
}

/** @param digest Digest of the signed manifest. */
export function writeBundle(digest: Digest, key: SigningKey): Uint8Array {
  const payload = signStatement(digest);
  const signature = key.sign(preAuthEncoding(statementPayloadType, payload));
  const bundle = {
    mediaType: signatureTypes.bundle,
    verificationMaterial: { publicKey: { hint: key.hint } },
    dsseEnvelope: {
      payload: Buffer.from(payload).toString("base64"),
      payloadType: statementPayloadType,
      signatures: [{ sig: Buffer.from(signature).toString("base64") }],
    },
  };
  return new TextEncoder().encode(JSON.stringify(bundle));
}

const bundleSchema = v.object({
  verificationMaterial: v.object({ publicKey: v.object({ hint: v.string() }) }),
  dsseEnvelope: v.object({
    payload: v.string(),
    payloadType: v.literal(statementPayloadType),
    signatures: v.strictTuple([v.object({ sig: v.string() })]),
  }),
});

/** A statement that says nothing more than a signature. cosign writes the annotations that its user gives, or none. */
const statementSchema = v.strictObject({
  _type: v.literal(statementType),
  subject: v.strictTuple([
    v.strictObject({ digest: v.strictObject({ sha256: v.string() }), annotations: v.optional(v.strictObject({})) }),
  ]),
  predicateType: v.literal(signPredicateType),
  predicate: v.strictObject({}),
});

/**
 * Whether a bundle is a signature of this manifest by this key, and says nothing more: another one would add nothing.
 *
 * @param bytes Written by anybody who may push.
 */
export function isBundleOf(bytes: Uint8Array, digest: Digest, key: SigningKey): boolean {
  try {
    const { verificationMaterial, dsseEnvelope } = v.parse(bundleSchema, JSON.parse(new TextDecoder().decode(bytes)));
    if (verificationMaterial.publicKey.hint !== key.hint) return false;
    const payload = Buffer.from(dsseEnvelope.payload, "base64");
    const { subject } = v.parse(statementSchema, JSON.parse(payload.toString("utf8")));
    if (subject[0].digest.sha256 !== digestHex(digest)) return false;
    const [{ sig }] = dsseEnvelope.signatures;
    return key.signed(preAuthEncoding(statementPayloadType, payload), Buffer.from(sig, "base64"));
  } catch {
    return false;
  }
}
