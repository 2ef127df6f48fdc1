/** Keys and bundles: text that may come from a checkout or a registry. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseDigest } from "../../src/model/digest.ts";
import { parseEncryptedKey } from "../../src/signature/encrypted-key.ts";
import { parsePem } from "../../src/signature/pem.ts";
import { privateBlock, readSigningKey } from "../../src/signature/signing-key.ts";
import { isBundleOf, writeBundle } from "../../src/signature/write-bundle.ts";
import { testContext } from "../support/context.ts";
import { holds, isQuick, mutated } from "../support/property.ts";
import { ecKey, encryptedJson, pemOf } from "../support/signing-keys.ts";

const labels = ["PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY", "PUBLIC KEY", "EC PARAMETERS"];
const pieces = [
  "-----",
  "BEGIN ",
  "END ",
  "-----BEGIN PRIVATE KEY-----\n",
  "\n",
  "\r\n",
  "=",
  "A",
  "é",
  "\0",
  ":",
  " ",
];
const blocks = fc
  .array(fc.tuple(fc.constantFrom(...labels), fc.uint8Array({ minLength: 1, maxLength: 100 })), { maxLength: 3 })
  .map((parts) => parts.map(([label, bytes]) => pemOf(label, bytes)).join("text between\n"));

test("properties: a block of PEM gives its own bytes", () => {
  holds("PEM", mutated(blocks, pieces), (text) => {
    const found = parsePem(text);
    for (const { label, bytes } of found) {
      expect(parsePem(pemOf(label, bytes))).toEqual([{ label, bytes: Buffer.from(bytes) }]);
      expect(bytes.byteLength).toBeLessThanOrEqual(text.length);
    }
    return found.length > 0;
  });
  isQuick(parsePem, "-----BEGIN PRIVATE KEY-----\n".repeat(2300));
  isQuick(parsePem, `-----BEGIN ${"A ".repeat(32_000)}`);
  isQuick(parsePem, `-----BEGIN A-----\n${"A".repeat(64_000)}`);
});

test("properties: a text gives one private key or an error that does not quote it", () => {
  holds("private block", mutated(blocks, pieces), (text) => {
    try {
      return privateBlock(text, "KEY").bytes.byteLength > 0;
    } catch (error) {
      const body = /\n([A-Za-z0-9+/]{16,})/.exec(text)?.[1];
      if (body !== undefined) expect(String(error)).not.toContain(body);
      throw error;
    }
  });
});

const json = encryptedJson(Buffer.from("secret"), "x");
const jsonPieces = [
  '"',
  "{",
  "}",
  "[",
  ":",
  ",",
  "null",
  "1e99",
  "-1",
  "131072",
  "scrypt",
  "=",
  '"N":65536,',
  "\\u0000",
];

test("properties: an encrypted key demands no more than cosign's greatest cost", () => {
  holds("encrypted key", mutated(fc.constant(json), jsonPieces), (text) => {
    const { cost, nonce, salt } = parseEncryptedKey(Buffer.from(text), "KEY");
    expect([2 ** 15, 2 ** 16, 2 ** 17]).toContain(cost);
    expect(nonce.byteLength).toBe(24);
    expect(salt.byteLength).toBeLessThanOrEqual(1024);
    return true;
  });
});

const digest = parseDigest(`sha256:${"0".repeat(64)}`);
const { plain } = ecKey();
const key = await readSigningKey("env://KEY", testContext({ env: { KEY: plain } }), async () => "");
const bundle = Buffer.from(writeBundle(digest, key)).toString();
const bundlePieces = ['"', "{", "}", "[", "]", ",", "null", "A", "=", '{"sig":""},', "\n", " "];

test("properties: a bundle counts as ours only if the key signed it", () => {
  const { dsseEnvelope } = JSON.parse(bundle);
  holds("own bundle", mutated(fc.constant(bundle), bundlePieces), (text) => {
    if (!isBundleOf(Buffer.from(text), digest, key)) return false;
    const other = JSON.parse(text).dsseEnvelope;
    expect(Buffer.from(other.payload, "base64")).toEqual(Buffer.from(dsseEnvelope.payload, "base64"));
    return true;
  });
});
