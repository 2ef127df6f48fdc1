/**
 * Witnesses of a signature, checked against a trust root: certificate authority, logs, timestamp authorities.
 *
 * `@sigstore/verify` does the checks. The line that runs on our Node lacks some later ones, which are here: names in a
 * checkpoint are compared as text, the log's entry must be of the same signer, and an entry of Rekor 2 may name the
 * bytes under the signature.
 */
import type { KeyObject } from "node:crypto";
import type { TransparencyLogEntry } from "@sigstore/bundle";
import { X509Certificate as ParsedCertificate, RFC3161Timestamp } from "@sigstore/core";
import { type SignedEntity, Verifier } from "@sigstore/verify";
import type { Identity } from "../model/identity.ts";
import { identityOf } from "./certificate.ts";
import { type Evidence, malformed } from "./evidence.ts";
import { loggedKey } from "./logged-keys.ts";
import type { TrustRoot } from "./trust-root.ts";
import { verifiesWith } from "./verifying-key.ts";

/** The parts of evidence that witnesses vouch for, whatever the signed text says. */
type Witnessed = Omit<Evidence, "claim">;

/** Checkpoints have 200 bytes, and 200 more for each further witness. */
const maxCheckpointLength = 64 * 1024;

/**
 * The checkpoint without the signatures of other logs and witnesses. The library takes a signature's name as a regular
 * expression, and anybody can write one that never ends.
 */
function ownSignatures(envelope: string, { tlogs }: TrustRoot): string {
  const end = envelope.indexOf("\n\n");
  const [, size = ""] = envelope.split("\n", 2);
  if (envelope.length > maxCheckpointLength || end === -1 || !/^[0-9]{1,20}$/.test(size)) {
    throw malformed("a log's checkpoint is not as logs write it");
  }
  const own = envelope
    .slice(end + 2)
    .split("\n")
    .filter((line) => {
      const [, name] = /^\u2014 (\S+) \S+$/.exec(line) ?? [];
      return name !== undefined && tlogs.some(({ baseURL }) => baseURL.includes(name));
    });
  return `${envelope.slice(0, end + 2)}${own.map((line) => `${line}\n`).join("")}`;
}

function withOwnSignatures(entry: TransparencyLogEntry, root: TrustRoot): TransparencyLogEntry {
  const { inclusionProof } = entry;
  if (inclusionProof?.checkpoint === undefined) return entry;
  const checkpoint = { envelope: ownSignatures(inclusionProof.checkpoint.envelope, root) };
  return { ...entry, inclusionProof: { ...inclusionProof, checkpoint } };
}

/** The evidence as the library takes it. */
function entityOf(evidence: Witnessed, root: TrustRoot): SignedEntity {
  const { covered, signature, loggedHashes, certificate } = evidence;
  const tlogEntries = evidence.logEntries.map((entry) => withOwnSignatures(entry, root));
  return {
    signature: {
      signature,
      compareSignature: (logged) => logged.equals(signature),
      compareDigest: (logged) => loggedHashes.some((hash) => hash.equals(logged)),
      verifySignature: (key) => verifiesWith(key, covered, signature),
    },
    key:
      certificate === undefined
        ? { $case: "public-key", hint: "" }
        : { $case: "certificate", certificate: ParsedCertificate.parse(Buffer.from(certificate)) },
    tlogEntries,
    timestamps: [
      ...tlogEntries.filter(isTimed).map((tlogEntry) => ({ $case: "transparency-log", tlogEntry }) as const),
      ...evidence.timestamps.map((der) => {
        const timestamp = RFC3161Timestamp.parse(Buffer.from(der));
        return { $case: "timestamp-authority", timestamp } as const;
      }),
    ],
  };
}

/** True for an entry whose time the log has signed. */
function isTimed({ integratedTime, inclusionPromise }: TransparencyLogEntry): boolean {
  return inclusionPromise !== undefined && integratedTime !== "0";
}

/** The latest time: the signature is at least as old, even if one of the witnesses is wrong. */
function latest(times: readonly Date[]): Date | undefined {
  return times.reduce<Date | undefined>((late, one) => (late === undefined || one > late ? one : late), undefined);
}

export interface Vouched {
  /** Undefined for a signature with a key. */
  readonly identity: Identity | undefined;
  /** The latest time that a log or a timestamp authority vouches for; undefined without a witness. */
  readonly time: Date | undefined;
}

/**
 * Checks signature and witnesses of one piece of evidence.
 *
 * A certificate needs a trusted time, an entry in a log if the root has logs, and an entry in a log of certificates if
 * the root has such logs. A key needs nothing, but each witness that the evidence has must hold.
 *
 * @param key The signer's key, for evidence that a key has signed; else the certificate counts.
 * @throws {Error} for anything that does not hold; the message tells people what
 */
export function checkWitnesses(evidence: Witnessed, root: TrustRoot, key: KeyObject | undefined): Vouched {
  const certificate = key === undefined ? evidence.certificate : undefined;
  if (key === undefined && certificate === undefined) throw malformed("it has no certificate");
  const trusted = key === undefined ? root : { ...root, publicKey: () => ({ publicKey: key, validFor: () => true }) };
  const verifier = new Verifier(trusted, {
    timestampThreshold: key === undefined ? 1 : 0,
    tlogThreshold: key === undefined && root.tlogs.length > 0 ? 1 : 0,
    ctlogThreshold: key === undefined && root.ctlogs.length > 0 ? 1 : 0,
  });
  const entity = entityOf({ ...evidence, certificate }, root);
  const signer = verifier.verify(entity);
  for (const { canonicalizedBody } of evidence.logEntries) {
    if (!loggedKey(canonicalizedBody).equals(signer.key)) throw malformed("its log entry is of another signer");
  }
  return {
    identity: certificate === undefined ? undefined : identityOf(certificate),
    time: latest(
      entity.timestamps.map((one) =>
        one.$case === "timestamp-authority"
          ? one.timestamp.signingTime
          : new Date(Number(one.tlogEntry.integratedTime) * 1000),
      ),
    ),
  };
}
