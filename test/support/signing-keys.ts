/** Private keys for tests, made anew in each run, in the formats that cosign and OpenSSL write. */
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, scryptSync } from "node:crypto";
import { xsalsa20poly1305 } from "@noble/ciphers/salsa.js";

export function pemOf(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** Changes to a key file that somebody tampered with. */
export interface Tampering {
  readonly N?: number;
  readonly r?: number;
  readonly p?: number;
  readonly kdf?: string;
  readonly cipher?: string;
}

/** The JSON inside the PEM of an encrypted key, as go-securesystemslib writes it. */
export function encryptedJson(pkcs8: Uint8Array, password: string, tampering: Tampering = {}): string {
  const params = { N: 32768, r: 8, p: 1 };
  const [salt, nonce] = [randomBytes(32), randomBytes(24)];
  const derived = scryptSync(password, salt, 32, { ...params, maxmem: 2 ** 27 });
  const { N = params.N, r = params.r, p = params.p, kdf = "scrypt", cipher = "nacl/secretbox" } = tampering;
  return JSON.stringify({
    kdf: { name: kdf, params: { N, r, p }, salt: salt.toString("base64") },
    cipher: { name: cipher, nonce: nonce.toString("base64") },
    ciphertext: Buffer.from(xsalsa20poly1305(derived, nonce).encrypt(pkcs8)).toString("base64"),
  });
}

export interface TestKey {
  readonly privateKey: KeyObject;
  /** Plain PKCS #8, as OpenSSL writes it. */
  readonly plain: string;
  readonly publicPem: string;
}

export function ecKey(namedCurve = "P-256"): TestKey {
  return testKey(generateKeyPairSync("ec", { namedCurve }).privateKey);
}

export function testKey(privateKey: KeyObject): TestKey {
  const plain = String(privateKey.export({ format: "pem", type: "pkcs8" }));
  const publicPem = String(createPublicKey(privateKey).export({ format: "pem", type: "spki" }));
  return { privateKey, plain, publicPem };
}

/** As `cosign generate-key-pair` writes it. */
export function encryptedPem({ privateKey }: TestKey, password: string, tampering: Tampering = {}): string {
  const pkcs8 = privateKey.export({ format: "der", type: "pkcs8" });
  return pemOf("ENCRYPTED SIGSTORE PRIVATE KEY", Buffer.from(encryptedJson(pkcs8, password, tampering)));
}
