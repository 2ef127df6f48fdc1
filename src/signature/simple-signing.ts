/**
 * Simple signing, as cosign 1 and 2 write it: a layer with the signed text, and annotations with the signature, the
 * certificate and the log's entry.
 *
 * @see cosign, specs/SIGNATURE_SPEC.md
 */
import { createHash, X509Certificate } from "node:crypto";
import type { TransparencyLogEntry } from "@sigstore/bundle";
import * as v from "valibot";
import { digestSchema } from "../model/digest-schema.ts";
import type { Annotations } from "../model/manifest.ts";
import { bounded, type Evidence, malformed, maxSignatureBytes } from "./evidence.ts";
import { simpleSigningKeys } from "./media-types.ts";

/** The signed text of other tools has other types, and may mean something else. */
const payloadType = "cosign container image signature";

const payloadSchema = v.object({
  critical: v.object({
    type: v.literal(payloadType),
    image: v.object({ "docker-manifest-digest": digestSchema }),
  }),
});

const base64 = v.pipe(v.string(), v.maxLength(maxSignatureBytes), v.regex(/^[A-Za-z0-9+/]+={0,2}$/));
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const entrySchema = v.object({
  SignedEntryTimestamp: base64,
  Payload: v.object({
    body: base64,
    integratedTime: whole,
    logIndex: whole,
    logID: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  }),
});
const kindSchema = v.object({ kind: v.string(), apiVersion: v.string() });
const timestampSchema = v.object({ SignedRFC3161Timestamp: base64 });

function parsed<T extends v.GenericSchema>(schema: T, text: string, what: string): v.InferOutput<T> {
  try {
    return v.parse(schema, JSON.parse(text), { abortEarly: true });
  } catch (cause) {
    throw malformed(`${what} is not as cosign writes it`, cause);
  }
}

function logEntry(text: string): TransparencyLogEntry {
  const { SignedEntryTimestamp, Payload } = parsed(entrySchema, text, "its log entry");
  const canonicalizedBody = Buffer.from(Payload.body, "base64");
  const { kind, apiVersion } = parsed(kindSchema, canonicalizedBody.toString("utf8"), "its log entry's body");
  return {
    logIndex: String(Payload.logIndex),
    logId: { keyId: Buffer.from(Payload.logID, "hex") },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(Payload.integratedTime),
    inclusionPromise: { signedEntryTimestamp: Buffer.from(SignedEntryTimestamp, "base64") },
    inclusionProof: undefined,
    canonicalizedBody,
  };
}

function timestamp(text: string): Buffer {
  return Buffer.from(parsed(timestampSchema, text, "its timestamp").SignedRFC3161Timestamp, "base64");
}

function certificate(pem: string): Buffer {
  try {
    return new X509Certificate(pem).raw;
  } catch (cause) {
    throw malformed("its certificate is no certificate in PEM", cause);
  }
}

/** The annotation's value as a list of none or one; cosign writes an empty text for none. */
function listed<T>(text: string | undefined, parse: (text: string) => T): readonly T[] {
  return text === undefined || text === "" ? [] : [parse(text)];
}

/**
 * Parses a layer of simple signing.
 *
 * @param payload The layer's bytes: the signed text.
 * @throws {ContentVerificationError} `SIGNATURE_INVALID`
 */
export function parseSimpleSigning(payload: Uint8Array, annotations: Annotations): Evidence {
  const text = new TextDecoder().decode(payload);
  const { critical } = parsed(payloadSchema, text, "its signed text");
  const signature = annotations[simpleSigningKeys.signature] ?? "";
  if (!v.is(base64, signature)) throw malformed("its annotation has no signature");
  return bounded({
    claim: {
      isAbout: (digest) => critical.image["docker-manifest-digest"] === digest,
      predicateType: undefined,
    },
    covered: payload,
    signature: Buffer.from(signature, "base64"),
    loggedHashes: [createHash("sha256").update(payload).digest()],
    certificate: listed(annotations[simpleSigningKeys.certificate], certificate)[0],
    logEntries: listed(annotations[simpleSigningKeys.bundle], logEntry),
    timestamps: listed(annotations[simpleSigningKeys.timestamp], timestamp),
  });
}
