/**
 * in-toto statements: the signed text that names an artifact by its digest.
 *
 * @see in-toto attestation framework, spec/v1/statement.md, and DSSE, protocol.md
 */
import * as v from "valibot";
import { ContentVerificationError } from "../errors.ts";
import { type Digest, digestHex } from "../model/digest.ts";

/** Type of a statement inside a DSSE envelope. */
export const statementPayloadType = "application/vnd.in-toto+json";

export const statementType = "https://in-toto.io/Statement/v1";
/** Written by older tools, and by some registries to this day. */
const olderStatementType = "https://in-toto.io/Statement/v0.1";

/** Predicate of a statement that is a signature and says nothing more. */
export const signPredicateType = "https://sigstore.dev/cosign/sign/v1";

/** Subjects of one statement; a release has tens. */
const maxSubjects = 10_000;

const statementSchema = v.object({
  _type: v.picklist([statementType, olderStatementType]),
  predicateType: v.pipe(v.string(), v.nonEmpty()),
  subject: v.pipe(
    v.array(
      v.object({ name: v.fallback(v.optional(v.string()), undefined), digest: v.record(v.string(), v.string()) }),
    ),
    v.nonEmpty(),
    v.maxLength(maxSubjects),
  ),
  predicate: v.optional(v.unknown()),
});

interface Subject {
  readonly name?: string | undefined;
  readonly digest: Readonly<Record<string, string>>;
}

export interface Statement {
  readonly predicateType: string;
  readonly subject: readonly Subject[];
  readonly predicate?: unknown;
}

/** The statement that signs an artifact, as cosign 3 writes it. */
export function signStatement(digest: Digest): Uint8Array {
  const statement = {
    _type: statementType,
    subject: [{ digest: { sha256: digestHex(digest) } }],
    predicateType: signPredicateType,
    predicate: {},
  };
  return new TextEncoder().encode(JSON.stringify(statement));
}

function invalid(why: string, cause?: unknown): ContentVerificationError {
  return new ContentVerificationError("SIGNATURE_INVALID", `the signed statement cannot be read: ${why}`, { cause });
}

/**
 * Parses a statement. Only a verified signature gives the statement a meaning.
 *
 * @throws {ContentVerificationError} `SIGNATURE_INVALID`
 */
export function parseStatement(bytes: Uint8Array): Statement {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid("it is not JSON", cause);
  }
  const parsed = v.safeParse(statementSchema, json, { abortEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw invalid(`\`${v.getDotPath(issue) ?? "statement"}\` is not as in-toto has it`);
}

/** True if a subject of the statement is exactly this digest. */
export function isAbout({ subject }: Statement, digest: Digest): boolean {
  const hex = digestHex(digest);
  return subject.some((one) => Object.hasOwn(one.digest, "sha256") && one.digest.sha256 === hex);
}

/** The bytes that a DSSE signature covers (DSSE, protocol.md, "Signature Definition"). */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.byteLength} `;
  return Buffer.concat([Buffer.from(head), payload]);
}
