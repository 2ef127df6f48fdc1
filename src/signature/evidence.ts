/**
 * Evidence: one signature, parsed and not yet checked. A stranger wrote every field.
 *
 * Bundles (`bundle.ts`) and simple signing (`simple-signing.ts`) both become evidence, so that `check.ts` has one way.
 */
import type { TransparencyLogEntry } from "@sigstore/bundle";
import { ContentVerificationError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";

/** The signed text's own words. */
export interface Claim {
  readonly isAbout: (digest: Digest) => boolean;
  /** Undefined for a plain signature; otherwise the type of an attestation. */
  readonly predicateType: string | undefined;
}

export interface Evidence {
  readonly claim: Claim;
  /** Bytes that the signature covers: they contain the claim. */
  readonly covered: Uint8Array;
  readonly signature: Buffer;
  /** SHA-256 hashes by which a log's entry may name the content. */
  readonly loggedHashes: readonly Buffer[];
  /** DER of the signer's certificate; undefined: signed with a key of the signer. */
  readonly certificate: Buffer | undefined;
  readonly logEntries: readonly TransparencyLogEntry[];
  /** DER of timestamps (RFC 3161) over the signature. */
  readonly timestamps: readonly Buffer[];
}

/** Real bundles have 1 to 30 KB; provenance of a large build has more. */
export const maxSignatureBytes = 1024 * 1024;
/** Certificates and timestamps have 1 to 6 KB. */
const maxDerBytes = 64 * 1024;
/** Entries of logs, and timestamps, of one signature; real ones have one of each. */
const maxWitnesses = 8;

export function malformed(why: string, cause?: unknown): ContentVerificationError {
  return new ContentVerificationError("SIGNATURE_INVALID", `the signature cannot be read: ${why}`, { cause });
}

/** Refuses evidence whose checks could take long: a library checks every entry, some of them against each other. */
export function bounded<T extends Omit<Evidence, "claim">>(evidence: T): T {
  const { certificate, logEntries, timestamps } = evidence;
  if (logEntries.length > maxWitnesses) throw malformed(`more than ${maxWitnesses} log entries`);
  if (timestamps.length > maxWitnesses) throw malformed(`more than ${maxWitnesses} timestamps`);
  if ((certificate?.byteLength ?? 0) > maxDerBytes) throw malformed("its certificate is over 64 KiB");
  if (timestamps.some(({ byteLength }) => byteLength > maxDerBytes)) throw malformed("a timestamp is over 64 KiB");
  return evidence;
}
