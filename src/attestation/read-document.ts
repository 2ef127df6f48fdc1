/**
 * The statement inside a document: plain, in a DSSE envelope, or in a sigstore bundle. Signatures are not looked at.
 *
 * @see in-toto attestation framework; DSSE, envelope.md; protobuf-specs, sigstore_bundle.proto
 */
import * as v from "valibot";
import { parseStatement, type Statement, statementPayloadType } from "../signature/statement.ts";

/** Larger documents are named and not read. */
export const maxDocumentBytes = 4 * 1024 * 1024;

const envelopeSchema = v.object({ payloadType: v.literal(statementPayloadType), payload: v.string() });
const bundleSchema = v.union([
  v.object({ dsseEnvelope: envelopeSchema }),
  v.object({ messageSignature: v.object({}) }),
]);

export type ReadDocument =
  | { readonly kind: "statement"; readonly statement: Statement; readonly isSigned: boolean }
  /** A signature of bytes, without a statement. */
  | { readonly kind: "signature" };

function signed({ payload }: v.InferOutput<typeof envelopeSchema>): ReadDocument {
  return { kind: "statement", statement: parseStatement(Buffer.from(payload, "base64")), isSigned: true };
}

/**
 * @param bytes At most `maxDocumentBytes`.
 * @throws {ContentVerificationError} neither a statement nor an envelope or bundle with one
 */
export function readDocument(bytes: Uint8Array): ReadDocument {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    json = undefined;
  }
  const bundle = v.safeParse(bundleSchema, json);
  if (bundle.success)
    return "dsseEnvelope" in bundle.output ? signed(bundle.output.dsseEnvelope) : { kind: "signature" };
  const envelope = v.safeParse(envelopeSchema, json);
  if (envelope.success) return signed(envelope.output);
  return { kind: "statement", statement: parseStatement(bytes), isSigned: false };
}
