/**
 * Judgement of vouchers: what the source really vouches for, by the keys and the trust root that the user names.
 *
 * A statement that cannot be checked does not count. A checked statement that does not hold is an error: somebody may have replaced the
 * file.
 */
import { readProvenance } from "../attestation/provenance.ts";
import { asError, ContentVerificationError, OrasClientError } from "../errors.ts";
import type { FetchedFile, Vouchers } from "../importers/vouchers.ts";
import type { Identity } from "../model/identity.ts";
import type { SourceLevel } from "../model/source-level.ts";
import { printable } from "../printable.ts";
import { type Envelope, parseEnvelope } from "../signature/bundle.ts";
import { type CertifiedSource, sourceOf } from "../signature/certificate.ts";
import { parseStatement, type Statement, statementPayloadType } from "../signature/statement.ts";
import type { TrustRoot } from "../signature/trust-root.ts";
import { verifiesWith } from "../signature/verifying-key.ts";
import { checkWitnesses, type Vouched } from "../signature/witnesses.ts";
import { isNameOf } from "./file-name.ts";
import type { RegistryKey } from "./registry-keys.ts";

export interface SourceTrust {
  readonly trustRoot: TrustRoot | undefined;
  readonly keys: readonly RegistryKey[];
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

/** A build whose identity is proven. */
export interface ProvenBuild extends Identity, CertifiedSource {
  /** Identity of the build service, by a statement that the identity signed. */
  readonly builder: string | undefined;
  readonly time: Date | undefined;
}

export interface SourceVerdict {
  readonly level: SourceLevel;
  /** The vouching party; undefined for nobody. */
  readonly by: string | undefined;
  readonly build: ProvenBuild | undefined;
  /** Statements that are there and do not count, and statements that are announced and missing. */
  readonly notes: readonly string[];
}

/** PEP 740: the file was published by this identity. */
const pypiPublish = "https://docs.pypi.org/attestations/publish/v1";
const npmPublish = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1";

const replaced = "do not use the file before you know why: it may have been replaced; nothing was imported";

function refused(why: string, { names: [name = "the file"] }: FetchedFile, cause?: unknown): ContentVerificationError {
  return new ContentVerificationError("IMPORT_CONTENT_INVALID", `${name}: ${why}`, { cause, hint: replaced });
}

function isAboutFile({ subject }: Statement, { names, sha256, sha512 }: FetchedFile): boolean {
  return subject.some(({ name, digest }) => {
    // One wrong digest is enough: a stronger one must not hide behind a weaker one.
    const stated = [
      ...(Object.hasOwn(digest, "sha256") ? [digest.sha256 === sha256] : []),
      ...(Object.hasOwn(digest, "sha512") ? [digest.sha512 === sha512] : []),
    ];
    return stated.length > 0 && !stated.includes(false) && name !== undefined && isNameOf(name, names);
  });
}

interface Read {
  readonly envelope: Envelope;
  readonly statement: Statement;
}

/** @throws {ContentVerificationError} for an attestation that cannot be read, or of another file */
function read(bytes: Uint8Array, file: FetchedFile): Read {
  let found: Read;
  try {
    const envelope = parseEnvelope(bytes);
    if (envelope.payloadType !== statementPayloadType) throw new TypeError("it signs no in-toto statement");
    found = { envelope, statement: parseStatement(envelope.payload) };
  } catch (cause) {
    throw refused("an attestation of the source cannot be read", file, cause);
  }
  if (!isAboutFile(found.statement, file)) throw refused("an attestation of the source is about another file", file);
  return found;
}

/** @throws {ContentVerificationError} for witnesses that do not vouch for the signature */
function witnessed({ envelope }: Read, root: TrustRoot, file: FetchedFile, key?: RegistryKey): Vouched {
  try {
    return checkWitnesses(envelope, root, key?.key);
  } catch (cause) {
    const why = cause instanceof OrasClientError ? cause.message : asError(cause).message.replace(/^unexpected: /, "");
    throw refused(`an attestation of the source does not hold: ${why}`, file, cause);
  }
}

type Part = Pick<SourceVerdict, "level" | "by" | "build"> & { readonly note?: string };

const nobody = { level: "none", by: undefined, build: undefined } as const;

function noted(note: string): Part {
  return { ...nobody, note };
}

function signedBy(by: string): Part {
  return { level: "signature", by, build: undefined };
}

/** @param time Undefined: nothing proves when the key signed. */
function expired({ id, expiresMs }: RegistryKey, time: Date | undefined, nowMs: number): string | undefined {
  if (expiresMs === undefined || (time?.getTime() ?? nowMs) < expiresMs) return undefined;
  const when = new Date(expiresMs).toISOString().slice(0, 10);
  const why = time === undefined ? "nothing proves an earlier signature" : "the signature is later";
  return `the registry's key ${id} expired on ${when}, and ${why}`;
}

function byCertificate(one: Read, certificate: Buffer, file: FetchedFile, { trustRoot }: SourceTrust): Part {
  const { predicateType, predicate } = one.statement;
  const claims = readProvenance(predicateType, predicate);
  if (claims === undefined && predicateType !== pypiPublish)
    return noted(`an attestation (${predicateType}) is not read`);
  if (trustRoot === undefined)
    return noted("provenance is there and not verified: name a trust root (--trust-root FILE)");
  const { identity, time } = witnessed(one, trustRoot, file);
  if (identity === undefined) throw refused("the certificate of its provenance names nobody", file);
  const build = { ...identity, ...sourceOf(certificate), builder: claims?.builder, time };
  return { level: "provenance", by: `${identity.subject} (${identity.issuer})`, build };
}

const noKeys = "is there and not verified: name the registry's keys (--registry-keys FILE)";

function byKey(one: Read, file: FetchedFile, { keys, trustRoot, nowMs }: SourceTrust): Part {
  const { envelope, statement } = one;
  if (statement.predicateType !== npmPublish) return noted(`an attestation (${statement.predicateType}) is not read`);
  if (keys.length === 0) return noted(`the registry's attestation ${noKeys}`);
  const key = keys.find(({ id }) => id === envelope.keyHint);
  if (key === undefined) return noted("the registry's attestation is of a key that the named keys lack");
  if (!verifiesWith(key.key, envelope.covered, envelope.signature)) {
    throw refused("the signature of the registry's attestation does not hold", file);
  }
  const time = trustRoot === undefined ? undefined : witnessed(one, trustRoot, file, key).time;
  const late = expired(key, time, nowMs);
  return late === undefined ? signedBy(`attestation of the registry's key ${key.id}`) : noted(late);
}

function bySignature(
  { keyId, signature, text }: Vouchers["signatures"][number],
  file: FetchedFile,
  trust: SourceTrust,
): Part {
  const { keys, nowMs } = trust;
  if (keys.length === 0) return noted(`the registry's signature ${noKeys}`);
  const key = keys.find(({ id }) => id === keyId);
  if (key === undefined) return noted("the registry's signature is of a key that the named keys lack");
  if (!verifiesWith(key.key, Buffer.from(text), Buffer.from(signature, "base64"))) {
    throw refused("the registry's signature does not hold", file);
  }
  const late = expired(key, undefined, nowMs);
  return late === undefined ? signedBy(`registry's key ${key.id}`) : noted(late);
}

/** Verdict on the user's own file. */
export const nothingVouched: SourceVerdict = { ...nobody, notes: [] };

/** For annotations: no time and no note, so that the same files give the same bytes. */
export function verdictText({ level, by }: SourceVerdict): string {
  return by === undefined ? level : `${level}: ${by}`;
}

const order: readonly SourceLevel[] = ["provenance", "signature", "checksum", "none"];

/**
 * Judges what the source says of one file.
 *
 * @param vouchers Undefined: the user's own file.
 * @throws {ContentVerificationError} `IMPORT_CONTENT_INVALID` for a statement about another file, and for one that does
 *   not hold
 */
export function judgeSource(vouchers: Vouchers | undefined, trust: SourceTrust): SourceVerdict {
  if (vouchers === undefined) return nothingVouched;
  const { file, checked, signatures, attestations, missed } = vouchers;
  const parts = [
    ...attestations.map((bytes) => {
      const one = read(bytes, file);
      const { certificate } = one.envelope;
      return certificate === undefined ? byKey(one, file, trust) : byCertificate(one, certificate, file, trust);
    }),
    ...signatures.map((one) => bySignature(one, file, trust)),
    ...(checked === undefined ? [] : [{ ...checked, build: undefined }]),
  ] satisfies readonly Part[];
  // The first of the best: a statement with a builder says more than one without.
  const rank = ({ level, build }: Part): number => order.indexOf(level) * 2 + (build?.builder === undefined ? 1 : 0);
  const [best = nobody] = parts.toSorted((a: Part, b: Part) => rank(a) - rank(b));
  const notes = parts.flatMap((one: Part) => (one.note === undefined ? [] : [one.note]));
  const { level, by, build } = best;
  return { level, by, build, notes: [...new Set([...notes, ...missed])].map(printable) };
}
