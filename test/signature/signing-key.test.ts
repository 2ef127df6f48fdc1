/** Keys that sign: the formats that are read, and those that are refused by name. */
import { generateKeyPairSync, verify } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSigningKey, type SigningKey } from "../../src/signature/signing-key.ts";
import { codeOf, testContext } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { run } from "../support/run.ts";
import { ecKey, encryptedPem, pemOf, type TestKey, testKey } from "../support/signing-keys.ts";
import { succeeding } from "../support/succeeding.ts";

const noPassword = (): Promise<string> => Promise.reject(new Error("a password was asked for"));
const message = Buffer.from("message");

async function readText(text: string, password?: string): Promise<SigningKey> {
  const context = testContext({ env: { KEY: text } });
  return await readSigningKey("env://KEY", context, password === undefined ? noPassword : async () => password);
}

function isSignedBy(key: SigningKey, { publicPem }: TestKey, hash: string | null): boolean {
  return verify(hash, message, publicPem, key.sign(message));
}

test("a key of cosign: the password opens it, and no other", async () => {
  const made = ecKey();
  for (const password of ["secret", "", "pässwörd with spaces"]) {
    const text = encryptedPem(made, password);
    expect(isSignedBy(await readText(text, password), made, "sha256")).toBe(true);
    const wrong = readText(text, `${password}x`);
    expect(await codeOf(wrong)).toBe("KEY_PASSWORD_WRONG");
  }
});

test("a key of cosign: the older name of the block is read, too", async () => {
  const made = ecKey();
  const text = encryptedPem(made, "secret").replaceAll("SIGSTORE", "COSIGN");
  expect(isSignedBy(await readText(text, "secret"), made, "sha256")).toBe(true);
});

test("a key of cosign: the real program's key and public key fit", async (context) => {
  const cosign = requireProgram(context, "cosign");
  const cwd = temporaryFolder();
  await succeeding(run(cosign, ["generate-key-pair"], { cwd, env: { COSIGN_PASSWORD: "secret" } }));
  const key = await readSigningKey("cosign.key", testContext({ cwd }), async () => "secret");
  expect(key.algorithm).toBe("ECDSA P-256");
  const own = key.publicKey.export({ format: "pem", type: "spki" });
  const { stdout } = await succeeding(run("cat", ["cosign.pub"], { cwd }));
  expect(stdout).toBe(own);
});

test.for([
  ["P-256", "ECDSA P-256", "sha256"],
  ["P-384", "ECDSA P-384", "sha384"],
  ["P-521", "ECDSA P-521", "sha512"],
] as const)(
  "a plain key: %s signs with the hash of sigstore's registry, in PKCS #8 and in SEC 1",
  async ([curve, algorithm, hash]) => {
    const made = ecKey(curve);
    const sec1 = String(made.privateKey.export({ format: "pem", type: "sec1" }));
    const withParameters = `${pemOf("EC PARAMETERS", Buffer.from("0608", "hex"))}${sec1}`;
    for (const text of [made.plain, made.plain.replaceAll("\n", "\r\n"), sec1, withParameters]) {
      const key = await readText(text);
      expect(key.algorithm).toBe(algorithm);
      expect(isSignedBy(key, made, hash)).toBe(true);
    }
  },
);

test("a plain key: Ed25519 and RSA sign, and the key is named by the hash of its public key", async () => {
  const ed = testKey(generateKeyPairSync("ed25519").privateKey);
  expect(isSignedBy(await readText(ed.plain), ed, null)).toBe(true);
  const rsa = testKey(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey);
  const pkcs1 = String(rsa.privateKey.export({ format: "pem", type: "pkcs1" }));
  const key = await readText(pkcs1);
  expect(isSignedBy(key, rsa, "sha256")).toBe(true);
  expect(key.hint).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  expect((await readText(rsa.plain)).hint).toBe(key.hint);
});

const rsa1024 = testKey(generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey).plain;
const p256 = ecKey();
const openssl = p256.privateKey.export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: "x" });
const x25519 = generateKeyPairSync("x25519").privateKey.export({ format: "pem", type: "pkcs8" });

test.for([
  ["a public key", p256.publicPem, "is a public key, which verifies and cannot sign"],
  ["RSA of 1024 bits", rsa1024, "is an RSA key of 1024 bits"],
  ["another curve", ecKey("secp256k1").plain, "has the curve secp256k1"],
  ["a key that only exchanges keys", String(x25519), "is a key for x25519"],
  ["OpenSSL's encryption", String(openssl), "has OpenSSL's encryption"],
  [
    "OpenSSL's oldest encryption",
    "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n",
    "has OpenSSL's encryption",
  ],
  ["a key of OpenSSH", pemOf("OPENSSH PRIVATE KEY", message), "is a key of OpenSSH"],
  ["a certificate", pemOf("CERTIFICATE", message), "is a certificate"],
  ["two keys", p256.plain + ecKey().plain, "holds several private keys"],
  ["other text", "hello", "holds no private key in PEM"],
  ["no text", "", "holds no private key in PEM"],
  ["damage", p256.plain.replace(/[A-Za-z0-9+/]{20}\n/, "\n"), "is damaged"],
  ["scrypt with 2^40", encryptedPem(p256, "x", { N: 2 ** 40 }), "demands scrypt with N=1099511627776"],
  ["scrypt with a large r", encryptedPem(p256, "x", { r: 4096 }), "demands scrypt with N=32768, r=4096"],
  ["scrypt with a large p", encryptedPem(p256, "x", { p: 1e9 }), "demands scrypt with N=32768, r=8, p=1000000000"],
  ["another derivation", encryptedPem(p256, "x", { kdf: "argon2id" }), 'derives its password by "argon2id"'],
  ["another cipher", encryptedPem(p256, "x", { cipher: "aes" }), 'has the cipher "aes", not nacl/secretbox'],
  ["no JSON", pemOf("ENCRYPTED COSIGN PRIVATE KEY", message), "is damaged: the text inside is not JSON"],
] as const)("a key that is refused: %s", async ([, text, what]) => {
  const reading = readText(text);
  expect(await codeOf(reading)).toBe("KEY_INVALID");
  await expect(reading).rejects.toThrow(`the key env://KEY ${what}`);
});

test.for([
  ["env://MISSING", "KEY_INVALID", "names a variable that is not set"],
  ["awskms:///alias/x", "KEY_INVALID", "lies in a service or a device"],
  ["gcpkms://projects/x", "KEY_INVALID", "lies in a service or a device"],
  ["pkcs11:token=x", "KEY_INVALID", "lies in a service or a device"],
  ["https://example.com/cosign.key", "KEY_INVALID", "lies in a service or a device"],
  ["missing.key", "FILE_NOT_FOUND", "file not found: missing.key"],
  [".", "LOCAL_IO", ". is a folder, where a file is expected"],
  ["/dev/zero", "LOCAL_IO", "/dev/zero is a device, where a file is expected"],
] as const)("a key at %s is refused", async ([where, code, what]) => {
  const reading = readSigningKey(where, testContext({ cwd: temporaryFolder() }), noPassword);
  expect(await codeOf(reading)).toBe(code);
  await expect(reading).rejects.toThrow(what);
});

test("a key of 50 MB: only its beginning is read", async () => {
  const path = join(temporaryFolder(), "large.key");
  writeFileSync(path, Buffer.alloc(50 * 1024 * 1024, p256.plain));
  const reading = readSigningKey(path, testContext(), noPassword);
  await expect(reading).rejects.toThrow("is larger than the limit of 65536 bytes");
});

test("a key file: one without a password that others can read is a warning", async () => {
  const dir = temporaryFolder();
  const linesOf = async (text: string, mode: number): Promise<readonly string[]> => {
    writeFileSync(join(dir, "key"), text);
    chmodSync(join(dir, "key"), mode);
    const context = testContext({ cwd: dir });
    await readSigningKey("key", context, async () => "secret");
    return context.lines;
  };
  expect(await linesOf(p256.plain, 0o600)).toEqual([]);
  expect(await linesOf(p256.plain, 0o644)).toEqual([expect.stringContaining("other users can read the key key")]);
  expect(await linesOf(encryptedPem(p256, "secret"), 0o644)).toEqual([]);
});
