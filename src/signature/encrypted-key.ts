/**
 * Private keys that `cosign generate-key-pair` and `cosign import-key-pair` encrypt: scrypt, then NaCl's secretbox.
 *
 * @see go-securesystemslib, package `encrypted`
 */
import { scrypt } from "node:crypto";
import * as v from "valibot";
import { ConfigurationError } from "../errors.ts";

/** Labels of the PEM block: the newer name, and the name before cosign 2. */
export const encryptedKeyLabels: ReadonlySet<string> = new Set([
  "ENCRYPTED SIGSTORE PRIVATE KEY",
  "ENCRYPTED COSIGN PRIVATE KEY",
]);

const keyBytes = 32;
const nonceBytes = 24;
/** The salt has 32 bytes. */
const maxSaltBytes = 1024;
/** `N` of all keys that cosign wrote, with r = 8 and p = 1; the greatest needs 128 MiB. A file could demand any amount. */
const allowedCosts: ReadonlySet<number> = new Set([2 ** 15, 2 ** 16, 2 ** 17]);
const blockSize = 8;

const base64 = v.pipe(
  v.string(),
  v.regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/),
  v.transform((text) => new Uint8Array(Buffer.from(text, "base64"))),
);
const schema = v.object({
  kdf: v.object({
    name: v.string(),
    params: v.object({ N: v.number(), r: v.number(), p: v.number() }),
    salt: v.pipe(
      base64,
      v.check(({ byteLength }) => byteLength <= maxSaltBytes),
    ),
  }),
  cipher: v.object({
    name: v.string(),
    nonce: v.pipe(
      base64,
      v.check(({ byteLength }) => byteLength === nonceBytes),
    ),
  }),
  ciphertext: base64,
});

export interface EncryptedKey {
  readonly salt: Uint8Array;
  /** scrypt's `N`. */
  readonly cost: number;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
}

function invalid(name: string, what: string): ConfigurationError {
  return new ConfigurationError("KEY_INVALID", `the key ${name} ${what}`, {
    hint: "name a key that `cosign generate-key-pair` wrote",
  });
}

/**
 * @param name Names the key in messages. No message quotes the key.
 * @throws {ConfigurationError} `KEY_INVALID`
 */
export function parseEncryptedKey(bytes: Uint8Array, name: string): EncryptedKey {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw invalid(name, "is damaged: the text inside is not JSON");
  }
  const parsed = v.safeParse(schema, json);
  if (!parsed.success) throw invalid(name, "is damaged: a field is missing, or has another type");
  const { kdf, cipher, ciphertext } = parsed.output;
  if (kdf.name !== "scrypt") throw invalid(name, `derives its password by ${JSON.stringify(kdf.name)}, not by scrypt`);
  if (cipher.name !== "nacl/secretbox") {
    throw invalid(name, `has the cipher ${JSON.stringify(cipher.name)}, not nacl/secretbox`);
  }
  const { N: cost, r, p } = kdf.params;
  if (!allowedCosts.has(cost) || r !== blockSize || p !== 1) {
    throw invalid(name, `demands scrypt with N=${cost}, r=${r}, p=${p}, which cosign never writes`);
  }
  return { salt: kdf.salt, cost, nonce: cipher.nonce, ciphertext };
}

/**
 * @returns The private key in PKCS #8, as DER.
 * @throws {ConfigurationError} `KEY_PASSWORD_WRONG`
 */
export async function decryptKey(key: EncryptedKey, password: string, name: string): Promise<Uint8Array> {
  const { xsalsa20poly1305 } = await import("@noble/ciphers/salsa.js");
  const derived = await derive(key, password);
  try {
    return xsalsa20poly1305(derived, key.nonce).decrypt(key.ciphertext);
  } catch {
    throw new ConfigurationError("KEY_PASSWORD_WRONG", `the password does not open the key ${name}`, {
      hint: "correct COSIGN_PASSWORD or the piped password, or name another key",
    });
  }
}

function derive({ salt, cost }: EncryptedKey, password: string): Promise<Uint8Array> {
  const options = { N: cost, r: blockSize, p: 1, maxmem: 2 * 128 * cost * blockSize };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, keyBytes, options, (error, derived) => {
      if (error === null) resolve(new Uint8Array(derived));
      else reject(error);
    });
  });
}
