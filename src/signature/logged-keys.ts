/**
 * Signers that an entry of a transparency log names. The log keeps signature and signer together, so an entry with
 * another signer is about another signature.
 *
 * @see Rekor, pkg/types, and rekor-tiles, api/proto/rekor/v2
 */
import { createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import * as v from "valibot";
import { malformed } from "./evidence.ts";

const base64 = v.string();
/** Rekor 1: base64 of PEM, a certificate or a public key. */
const hashedrekord1 = v.object({ signature: v.object({ publicKey: v.object({ content: base64 }) }) });
const dsse1 = v.object({ signatures: v.tuple([v.object({ verifier: base64 })]) });
const intoto = v.object({
  content: v.object({ envelope: v.object({ signatures: v.tuple([v.object({ publicKey: base64 })]) }) }),
});
/** Rekor 2: base64 of DER. */
const verifier = v.union([
  v.object({ x509Certificate: v.object({ rawBytes: base64 }) }),
  v.object({ publicKey: v.object({ rawBytes: base64 }) }),
]);
const hashedrekord2 = v.object({ hashedRekordV002: v.object({ signature: v.object({ verifier }) }) });
const dsse2 = v.object({ dsseV002: v.object({ signatures: v.tuple([v.object({ verifier })]) }) });
const bodySchema = v.object({ spec: v.union([hashedrekord1, dsse1, intoto, hashedrekord2, dsse2]) });

type Spec = v.InferOutput<typeof bodySchema>["spec"];

function fromPem(text: string): KeyObject {
  const pem = Buffer.from(text, "base64").toString("latin1");
  return pem.includes("BEGIN CERTIFICATE") ? new X509Certificate(pem).publicKey : createPublicKey(pem);
}

function fromDer(one: v.InferOutput<typeof verifier>): KeyObject {
  if ("x509Certificate" in one)
    return new X509Certificate(Buffer.from(one.x509Certificate.rawBytes, "base64")).publicKey;
  return createPublicKey({ key: Buffer.from(one.publicKey.rawBytes, "base64"), format: "der", type: "spki" });
}

function keyIn(spec: Spec): KeyObject {
  if ("signature" in spec) return fromPem(spec.signature.publicKey.content);
  if ("signatures" in spec) return fromPem(spec.signatures[0].verifier);
  if ("content" in spec) return fromPem(spec.content.envelope.signatures[0].publicKey);
  if ("dsseV002" in spec) return fromDer(spec.dsseV002.signatures[0].verifier);
  return fromDer(spec.hashedRekordV002.signature.verifier);
}

/**
 * The key that an entry's signature is of.
 *
 * @param body The entry's canonical body, whose inclusion the caller has verified.
 * @throws {ContentVerificationError} `SIGNATURE_INVALID`
 */
export function loggedKey(body: Uint8Array): KeyObject {
  try {
    return keyIn(v.parse(bodySchema, JSON.parse(Buffer.from(body).toString("utf8")), { abortEarly: true }).spec);
  } catch (cause) {
    throw malformed("its log entry names no signer", cause);
  }
}
