/** Private keys that sign: as cosign writes them, encrypted, or as OpenSSL writes them, plain. */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { resolve } from "node:path";
import type { Context } from "../context.ts";
import { ConfigurationError, unreadableFile } from "../errors.ts";
import { openFile } from "../files/opened-file.ts";
import { isUtf16, readBounded, utf16 } from "../files/regular-file.ts";
import { type Digest, digestHex } from "../model/digest.ts";
import { decryptKey, encryptedKeyLabels, parseEncryptedKey } from "./encrypted-key.ts";
import { type PemBlock, parsePem } from "./pem.ts";
import { fingerprintOf } from "./verifying-key.ts";

export interface SigningKey {
  /** The file or variable, for messages. */
  readonly name: string;
  readonly algorithm: string;
  readonly publicKey: KeyObject;
  /** The fingerprint's hash in base64, as cosign names keys in bundles. */
  readonly hint: string;
  /** As `verify --signature` names keys. */
  readonly fingerprint: Digest;
  readonly sign: (bytes: Uint8Array) => Uint8Array;
  /** Whether this key signed the bytes. */
  readonly signed: (bytes: Uint8Array, signature: Uint8Array) => boolean;
}

/** Asked only for an encrypted key. @param name Names the key in a prompt. */
export type AskPassword = (name: string) => Promise<string>;

/** An RSA key of 4096 bits has 3 KB. */
const maxKeyBytes = 64 * 1024;

const envScheme = "env://";

/** Schemes of keys that stay in a service or a device; only cosign reaches these. */
const serviceScheme = /^(?:[a-z0-9]+kms|hashivault|openbao|k8s|gitlab|github|https?):\/\/|^pkcs11:/;

/** Types of DER inside the blocks of plain keys. */
const derTypes: ReadonlyMap<string, "pkcs8" | "sec1" | "pkcs1"> = new Map([
  ["PRIVATE KEY", "pkcs8"],
  ["EC PRIVATE KEY", "sec1"],
  ["RSA PRIVATE KEY", "pkcs1"],
]);

/** OpenSSL's names of the curves, and the hash that sigstore's registry of algorithms pairs with each. */
const curves: ReadonlyMap<string | undefined, { readonly name: string; readonly hash: string }> = new Map([
  ["prime256v1", { name: "P-256", hash: "sha256" }],
  ["secp384r1", { name: "P-384", hash: "sha384" }],
  ["secp521r1", { name: "P-521", hash: "sha512" }],
]);

const rsaBits: ReadonlySet<number | undefined> = new Set([2048, 3072, 4096]);

function invalid(name: string, what: string, hint: string): ConfigurationError {
  return new ConfigurationError("KEY_INVALID", `the key ${name} ${what}`, { hint });
}

const anotherKey = "name a key that `cosign generate-key-pair` wrote, or a plain PEM key of `openssl genpkey`";
const otherBlocks: readonly { readonly pattern: RegExp; readonly what: string; readonly hint: string }[] = [
  {
    pattern: /-----BEGIN (?:RSA )?PUBLIC KEY-----/,
    what: "is a public key, which verifies and cannot sign",
    hint: "name the private key: cosign writes cosign.key beside cosign.pub",
  },
  {
    pattern: /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m,
    what: "has OpenSSL's encryption, which cosign does not read either",
    hint: "write the key for cosign: `openssl pkey -in FILE -out PLAIN`, then `cosign import-key-pair --key PLAIN`",
  },
  { pattern: /-----BEGIN CERTIFICATE-----/, what: "is a certificate, and no private key", hint: anotherKey },
  { pattern: /-----BEGIN OPENSSH PRIVATE KEY-----/, what: "is a key of OpenSSH, not of cosign", hint: anotherKey },
  { pattern: /-----BEGIN PGP /, what: "is a key of PGP, not of cosign", hint: anotherKey },
];

/** @returns The key's text, and whether other users can read it. */
async function readKey(
  where: string,
  { env, cwd, os }: Pick<Context, "env" | "cwd" | "os">,
): Promise<{ readonly text: string; readonly isShared: boolean }> {
  if (where.startsWith(envScheme)) {
    const text = env[where.slice(envScheme.length)];
    if (text !== undefined) return { text, isShared: false };
    throw invalid(where, "names a variable that is not set", "set the variable to the text of the key file");
  }
  if (where.includes("-----BEGIN")) {
    // Such as `--key "$COSIGN_PRIVATE_KEY"`: a log must not show it.
    throw new ConfigurationError("KEY_INVALID", "the text of a key stands in the place of its name", {
      hint: "name the variable with env://NAME: other users can read the words of a command",
    });
  }
  if (serviceScheme.test(where)) {
    throw invalid(where, "lies in a service or a device", "sign with cosign, which reaches such keys");
  }
  try {
    const file = await openFile(resolve(cwd, where), "follow", where);
    try {
      const { mode } = await file.handle.stat();
      const text = (await readBounded(file, maxKeyBytes)).toString("utf8");
      return { text, isShared: os !== "win32" && (mode & 0o044) !== 0 };
    } finally {
      await file.handle.close();
    }
  } catch (error) {
    throw unreadableFile(where, error);
  }
}

/**
 * Reads a key for signatures.
 *
 * @param where A path, or `env://NAME` for the text in a variable, as cosign takes it.
 * @throws {ConfigurationError} `KEY_INVALID`, `KEY_PASSWORD_WRONG`
 * @throws {ArtifactNotFoundError} `FILE_NOT_FOUND`
 */
export async function readSigningKey(
  where: string,
  context: Pick<Context, "env" | "cwd" | "os" | "log">,
  askPassword: AskPassword,
): Promise<SigningKey> {
  const { text, isShared } = await readKey(where, context);
  const block = privateBlock(text, where);
  const type = derTypes.get(block.label);
  if (type === undefined) {
    const encrypted = parseEncryptedKey(block.bytes, where);
    return signingKeyOf(await decryptKey(encrypted, await askPassword(where), where), "pkcs8", where);
  }
  const key = signingKeyOf(block.bytes, type, where);
  if (isShared) context.log.warn(`other users can read the key ${where}, which has no password: chmod 600 ${where}`);
  return key;
}

/** @throws {ConfigurationError} `KEY_INVALID` for a text without exactly one private key */
export function privateBlock(text: string, name: string): PemBlock {
  const [block, ...others] = parsePem(text).filter(({ label }) => derTypes.has(label) || encryptedKeyLabels.has(label));
  if (block !== undefined && others.length === 0) return block;
  if (block !== undefined) throw invalid(name, "holds several private keys", "name a file with one private key");
  if (isUtf16(text)) throw invalid(name, utf16.why, utf16.hint);
  const other = otherBlocks.find(({ pattern }) => pattern.test(text));
  throw invalid(name, other?.what ?? "holds no private key in PEM", other?.hint ?? anotherKey);
}

/** @throws {ConfigurationError} `KEY_INVALID` */
function signingKeyOf(der: Uint8Array, type: "pkcs8" | "sec1" | "pkcs1", name: string): SigningKey {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: Buffer.from(der), format: "der", type });
  } catch {
    // OpenSSL's message says nothing that helps, and must not quote the key.
    throw invalid(name, "is damaged: the private key cannot be read", anotherKey);
  }
  const { algorithm, hash } = algorithmOf(key, name);
  const publicKey = createPublicKey(key);
  const fingerprint = fingerprintOf(publicKey);
  return {
    name,
    algorithm,
    publicKey,
    hint: Buffer.from(digestHex(fingerprint), "hex").toString("base64"),
    fingerprint,
    sign: (bytes) => sign(hash, bytes, key),
    signed: (bytes, signature) => verify(hash, bytes, publicKey, signature),
  };
}

/** Algorithms that cosign signs with. @returns `hash` null: Ed25519 hashes itself. */
function algorithmOf(
  { asymmetricKeyType: type, asymmetricKeyDetails: { namedCurve, modulusLength } = {} }: KeyObject,
  name: string,
): { readonly algorithm: string; readonly hash: string | null } {
  if (type === "ed25519") return { algorithm: "Ed25519", hash: null };
  if (type === "ec") {
    const curve = curves.get(namedCurve);
    if (curve !== undefined) return { algorithm: `ECDSA ${curve.name}`, hash: curve.hash };
    throw invalid(name, `has the curve ${namedCurve ?? "unknown"}`, "make a key with P-256, P-384 or P-521");
  }
  if (type === "rsa") {
    if (rsaBits.has(modulusLength)) return { algorithm: `RSA ${modulusLength}`, hash: "sha256" };
    throw invalid(name, `is an RSA key of ${modulusLength} bits`, "make a key of 2048, 3072 or 4096 bits");
  }
  throw invalid(name, `is a key for ${type ?? "unknown"}`, "make a key for ECDSA, RSA or Ed25519");
}
