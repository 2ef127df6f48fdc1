/** Public keys that a signature must be of, as `cosign.pub` and `openssl pkey -pubout` have them. */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import type { Context } from "../context.ts";
import { ConfigurationError } from "../errors.ts";
import { isUtf16, readNamedText, utf16 } from "../files/regular-file.ts";
import { type Digest, digestOf } from "../model/digest.ts";

export interface VerifyingKey {
  readonly key: KeyObject;
  /** Result of {@link fingerprintOf}. */
  readonly fingerprint: Digest;
}

/** A key of RSA 4096 has 800 bytes. */
const maxKeyBytes = 64 * 1024;
const minRsaBits = 2048;

/** OpenSSL's names of the curves, and the hashes that signers pair with each: sigstore's own, then cosign 1 and 2's. */
const hashesOfCurve: ReadonlyMap<string, readonly string[]> = new Map([
  ["prime256v1", ["sha256"]],
  ["secp384r1", ["sha384", "sha256"]],
  ["secp521r1", ["sha512", "sha256"]],
]);

/** Hashes to try, null for an algorithm with its own hash; empty for a key that no signer uses. */
function hashesOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): readonly (string | null)[] {
  switch (type) {
    case "ed25519":
      return [null];
    case "rsa":
      return (details?.modulusLength ?? 0) >= minRsaBits ? ["sha256"] : [];
    case "ec":
      return hashesOfCurve.get(details?.namedCurve ?? "") ?? [];
    default:
      return [];
  }
}

/** True if `key` made `signature` of exactly these bytes. Never throws, whatever the signature holds. */
export function verifiesWith(key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  return hashesOf(key).some((hash) => {
    try {
      return verify(hash, bytes, key, signature);
    } catch {
      return false;
    }
  });
}

/** SHA-256 of the key's DER (SubjectPublicKeyInfo), by which both signers and verifiers name it. */
export function fingerprintOf(publicKey: KeyObject): Digest {
  return digestOf(publicKey.export({ format: "der", type: "spki" }));
}

const anotherFile = "name a public key in PEM, such as the cosign.pub that `cosign generate-key-pair` writes";

function invalid(name: string, why: string, hint = anotherFile): ConfigurationError {
  return new ConfigurationError("KEY_INVALID", `the key ${name} ${why}`, { hint });
}

/** Other files that people name instead, by their PEM label. */
function otherFile(text: string, name: string): ConfigurationError {
  if (isUtf16(text)) return invalid(name, utf16.why, utf16.hint);
  if (text.includes("PRIVATE KEY-----")) {
    const hint = "name its public key: cosign.pub beside cosign.key, or what `openssl pkey -in FILE -pubout` writes";
    return invalid(name, "is a private key", hint);
  }
  if (text.includes("BEGIN CERTIFICATE-----")) {
    const hint =
      "name its public key, which `openssl x509 -pubkey -noout -in CERTIFICATE` writes; the rest is not compared";
    return invalid(name, "is a certificate", hint);
  }
  return invalid(name, text.includes("BEGIN PGP ") ? "is a key of PGP" : "is no public key in PEM");
}

/**
 * Parses one public key.
 *
 * @param name Names the key in messages.
 * @throws {ConfigurationError} `KEY_INVALID`
 */
export function parseVerifyingKey(text: string, name: string): VerifyingKey {
  const blocks = text.match(/-----BEGIN (?:RSA )?PUBLIC KEY-----/g) ?? [];
  if (blocks.length > 1) throw invalid(name, "holds several keys", "write each key into a file of its own");
  // Node would derive the public key of a private one.
  if (blocks.length === 0 || text.includes("PRIVATE KEY-----")) throw otherFile(text, name);
  let key: KeyObject;
  try {
    key = createPublicKey(text);
  } catch {
    throw invalid(name, "is damaged");
  }
  if (hashesOf(key).length === 0) {
    throw invalid(name, "has an unsupported algorithm", "use a key for ECDSA (P-256, P-384, P-521), Ed25519 or RSA");
  }
  return { key, fingerprint: fingerprintOf(key) };
}

/**
 * Reads one public key.
 *
 * @throws {ConfigurationError} `KEY_INVALID`
 * @throws {ArtifactNotFoundError} `FILE_NOT_FOUND`
 */
export async function readVerifyingKey(path: string, context: Pick<Context, "cwd">): Promise<VerifyingKey> {
  return parseVerifyingKey(await readNamedText(path, maxKeyBytes, context), path);
}
