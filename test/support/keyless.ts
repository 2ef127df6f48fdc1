/**
 * Keyless signing on one's own: a certificate authority, a log of certificates and a log of signatures, with a trust root
 * that names them. Each part can be made wrong.
 */
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { type Digest, digestHex } from "../../src/model/digest.ts";
import {
  preAuthEncoding,
  signPredicateType,
  statementPayloadType,
  statementType,
} from "../../src/signature/statement.ts";
import { bits, der, extension, integer, name, octets, oid, sequence, time, yes } from "./der.ts";

const ecdsaSha256 = sequence(oid("1.2.840.10045.4.3.2"));
const start = new Date("2025-01-01T00:00:00Z");
const end = new Date("2035-01-01T00:00:00Z");
/** When everything is signed, unless a test says otherwise. */
export const signedAt = new Date("2026-03-01T12:00:00Z");
const minuteMs = 60_000;

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function spki(key: KeyObject): Buffer {
  return key.export({ format: "der", type: "spki" });
}

function newKey() {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { ...pair, id: sha256(spki(pair.publicKey)) };
}

type Pair = ReturnType<typeof newKey>;

interface CertificateFields {
  readonly subject: string;
  readonly issuer: string;
  readonly from: Date;
  readonly until: Date;
  readonly key: KeyObject;
  readonly extensions: readonly Buffer[];
}

function tbs({ subject, issuer, from, until, key, extensions }: CertificateFields): Buffer {
  return sequence(
    der(0xa0, integer(2)),
    integer(7),
    ecdsaSha256,
    name(issuer),
    sequence(time(from), time(until)),
    name(subject),
    spki(key),
    der(0xa3, sequence(...extensions)),
  );
}

function certificate(toSign: Buffer, by: KeyObject): Buffer {
  return sequence(toSign, ecdsaSha256, bits(sign("sha256", toSign, by)));
}

function uint(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(BigInt(value));
  return buffer.subarray(8 - bytes);
}

/** RFC 6962, 3.2: the log's promise for a certificate without the promise. */
function promiseList(precert: Buffer, ca: Pair, log: Pair, at: Date): Buffer {
  const timestamp = uint(at.getTime(), 8);
  const entry = Buffer.concat([sha256(spki(ca.publicKey)), uint(precert.byteLength, 3), precert]);
  const signed = Buffer.concat([Buffer.from([0, 0]), timestamp, uint(1, 2), entry, uint(0, 2)]);
  const signature = sign("sha256", signed, log.privateKey);
  const sct = Buffer.concat([
    Buffer.from([0]),
    log.id,
    timestamp,
    uint(0, 2),
    Buffer.from([4, 3]),
    uint(signature.byteLength, 2),
    signature,
  ]);
  return Buffer.concat([uint(sct.byteLength + 2, 2), uint(sct.byteLength, 2), sct]);
}

/** Deviations from a good signature. */
export interface Wish {
  readonly subject?: string;
  readonly issuer?: string;
  /** DER of the names, in place of the subject as a URI or mail. */
  readonly names?: readonly Buffer[];
  readonly purpose?: string;
  /** URL of the source's repository, in the certificate. */
  readonly repository?: string;
  /** When the certificate was given. */
  readonly at?: Date;
  /** Time of the log's entry; a minute later when left out. */
  readonly loggedAt?: Date;
  readonly withoutPromise?: boolean;
  readonly withoutEntry?: boolean;
  /** Changes the statement before it is signed. */
  readonly statement?: object;
  readonly payloadType?: string;
  /** Changes the entry of the log after it was made. */
  readonly entry?: (entry: Entry) => object;
  /** The log's entry names a signer of its own. */
  readonly otherLogged?: boolean;
  readonly checkpoint?: (envelope: string) => string;
}

export interface Entry {
  readonly [field: string]: unknown;
  readonly inclusionProof: { readonly [field: string]: unknown; readonly checkpoint: { readonly envelope: string } };
}

export interface Keyless {
  /** Text of the trusted_root.json. */
  readonly root: string;
  /** A bundle that signs the digest. */
  readonly sign: (digest: Digest, wish?: Wish) => string;
  /** Annotations and bytes of a layer of simple signing. */
  readonly signSimply: (
    digest: Digest,
    wish?: Wish,
  ) => { readonly payload: Buffer; readonly annotations: Record<string, string> };
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

export const logHost = "rekor.example";
export const defaultSubject = "https://forge.example/acme/tool/.github/workflows/release.yml@refs/tags/v1";
export const defaultIssuer = "https://issuer.example";

export function keyless(): Keyless {
  const [ca, ctLog, log] = [newKey(), newKey(), newKey()];
  const keyCertSign = Buffer.from([0x03, 0x02, 0x01, 0x06]);
  const caTbs = tbs({
    subject: "root",
    issuer: "root",
    from: start,
    until: end,
    key: ca.publicKey,
    extensions: [extension("2.5.29.19", sequence(yes), true), extension("2.5.29.15", keyCertSign, true)],
  });
  const logOf = (baseUrl: string, { publicKey, id }: Pair) => ({
    baseUrl,
    hashAlgorithm: "SHA2_256",
    publicKey: {
      rawBytes: spki(publicKey).toString("base64"),
      keyDetails: "PKIX_ECDSA_P256_SHA_256",
      validFor: { start: start.toISOString() },
    },
    logId: { keyId: id.toString("base64") },
  });
  const root = {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [logOf(`https://${logHost}`, log)],
    certificateAuthorities: [
      {
        subject: { organization: "test", commonName: "root" },
        uri: "https://ca.example",
        certChain: { certificates: [{ rawBytes: certificate(caTbs, ca.privateKey).toString("base64") }] },
        validFor: { start: start.toISOString() },
      },
    ],
    ctlogs: [logOf("https://ct.example", ctLog)],
    timestampAuthorities: [],
  };

  const leaf = (wish: Wish) => {
    const key = newKey();
    const { subject = defaultSubject, issuer = defaultIssuer, purpose = "1.3.6.1.5.5.7.3.3", at = signedAt } = wish;
    const own = der(subject.includes("://") ? 0x86 : 0x81, Buffer.from(subject, "latin1"));
    const fields = {
      subject: "",
      issuer: "root",
      from: at,
      until: new Date(at.getTime() + 10 * minuteMs),
      key: key.publicKey,
    };
    const extensions = [
      extension("2.5.29.15", Buffer.from([0x03, 0x02, 0x07, 0x80]), true),
      extension("2.5.29.37", sequence(oid(purpose))),
      extension("2.5.29.17", sequence(...(wish.names ?? [own])), true),
      extension("1.3.6.1.4.1.57264.1.8", der(0x0c, Buffer.from(issuer, "latin1"))),
      ...(wish.repository === undefined
        ? []
        : [extension("1.3.6.1.4.1.57264.1.12", der(0x0c, Buffer.from(wish.repository, "latin1")))]),
    ];
    const promised = octets(promiseList(tbs({ ...fields, extensions }), ca, ctLog, at));
    const all =
      wish.withoutPromise === true ? extensions : [...extensions, extension("1.3.6.1.4.1.11129.2.4.2", promised)];
    return { key, bytes: certificate(tbs({ ...fields, extensions: all }), ca.privateKey) };
  };

  const logEntry = (body: object, kind: string, wish: Wish): Entry => {
    const canonical = Buffer.from(JSON.stringify(body));
    const seconds = Math.floor(
      (wish.loggedAt ?? new Date((wish.at ?? signedAt).getTime() + minuteMs)).getTime() / 1000,
    );
    const promise = JSON.stringify({
      body: canonical.toString("base64"),
      integratedTime: seconds,
      logID: log.id.toString("hex"),
      logIndex: 0,
    });
    const hash = sha256(Buffer.from([0]), canonical);
    const note = `${logHost} - 1\n1\n${hash.toString("base64")}\n`;
    const noteSignature = Buffer.concat([log.id.subarray(0, 4), sign("sha256", Buffer.from(note), log.privateKey)]);
    const envelope = `${note}\n\u2014 ${logHost} ${noteSignature.toString("base64")}\n`;
    return {
      logIndex: "0",
      logId: { keyId: log.id.toString("base64") },
      kindVersion: { kind, version: "0.0.1" },
      integratedTime: String(seconds),
      inclusionPromise: {
        signedEntryTimestamp: sign("sha256", Buffer.from(promise), log.privateKey).toString("base64"),
      },
      inclusionProof: {
        logIndex: "0",
        rootHash: hash.toString("base64"),
        treeSize: "1",
        hashes: [],
        checkpoint: { envelope: wish.checkpoint?.(envelope) ?? envelope },
      },
      canonicalizedBody: canonical.toString("base64"),
    };
  };

  const logged = (own: Buffer, wish: Wish): string =>
    Buffer.from(pem(wish.otherLogged === true ? leaf(wish).bytes : own)).toString("base64");

  return {
    root: JSON.stringify(root),
    sign: (digest, wish = {}) => {
      const { key, bytes } = leaf(wish);
      const statement = {
        _type: statementType,
        subject: [{ digest: { sha256: digestHex(digest) } }],
        predicateType: signPredicateType,
        predicate: {},
        ...wish.statement,
      };
      const payload = Buffer.from(JSON.stringify(statement));
      const { payloadType = statementPayloadType } = wish;
      const sig = sign("sha256", preAuthEncoding(payloadType, payload), key.privateKey).toString("base64");
      const body = {
        apiVersion: "0.0.1",
        kind: "dsse",
        spec: {
          envelopeHash: { algorithm: "sha256", value: "0".repeat(64) },
          payloadHash: { algorithm: "sha256", value: sha256(payload).toString("hex") },
          signatures: [{ signature: sig, verifier: logged(bytes, wish) }],
        },
      };
      const entry = logEntry(body, "dsse", wish);
      return JSON.stringify({
        mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
        verificationMaterial: {
          certificate: { rawBytes: bytes.toString("base64") },
          tlogEntries: wish.withoutEntry === true ? [] : [wish.entry?.(entry) ?? entry],
        },
        dsseEnvelope: { payload: payload.toString("base64"), payloadType, signatures: [{ sig }] },
      });
    },
    signSimply: (digest, wish = {}) => {
      const { key, bytes } = leaf(wish);
      const image = { "docker-manifest-digest": digest };
      const critical = { identity: { "docker-reference": "" }, image, type: "cosign container image signature" };
      const payload = Buffer.from(JSON.stringify({ critical, optional: null }));
      const content = sign("sha256", payload, key.privateKey).toString("base64");
      const hash = { algorithm: "sha256", value: sha256(payload).toString("hex") };
      const signature = { content, publicKey: { content: logged(bytes, wish) } };
      const body = { apiVersion: "0.0.1", kind: "hashedrekord", spec: { data: { hash }, signature } };
      const entry = logEntry(body, "hashedrekord", wish);
      const promise = entry.inclusionPromise as { readonly signedEntryTimestamp: string };
      const bundle = {
        SignedEntryTimestamp: promise.signedEntryTimestamp,
        Payload: {
          body: entry.canonicalizedBody,
          integratedTime: Number(entry.integratedTime),
          logIndex: 0,
          logID: log.id.toString("hex"),
        },
      };
      return {
        payload,
        annotations: {
          "dev.cosignproject.cosign/signature": content,
          "dev.sigstore.cosign/certificate": pem(bytes),
          "dev.sigstore.cosign/chain": "",
          ...(wish.withoutEntry === true ? {} : { "dev.sigstore.cosign/bundle": JSON.stringify(bundle) }),
        },
      };
    },
  };
}
