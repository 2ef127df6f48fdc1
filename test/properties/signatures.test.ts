/** Readers of signatures, which strangers write: any text is evidence, or a clear error, and ends in time. */
import { generateKeyPairSync, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { digestOf } from "../../src/model/digest.ts";
import { matchesPattern, parsePattern } from "../../src/model/identity.ts";
import { parseBundle } from "../../src/signature/bundle.ts";
import { judge } from "../../src/signature/check.ts";
import { loggedKey } from "../../src/signature/logged-keys.ts";
import { parseSimpleSigning } from "../../src/signature/simple-signing.ts";
import { preAuthEncoding, signStatement, statementPayloadType } from "../../src/signature/statement.ts";
import { parseTrustRoot } from "../../src/signature/trust-root.ts";
import { parseVerifyingKey } from "../../src/signature/verifying-key.ts";
import { checkWitnesses } from "../../src/signature/witnesses.ts";
import { keyless } from "../support/keyless.ts";
import { atLeast, expectClean, holds, isQuick, mutated, seed } from "../support/property.ts";

const digest = digestOf("artifact");
const other = digestOf("another");
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const key = parseVerifyingKey(String(publicKey.export({ format: "pem", type: "spki" })), "key");
const world = keyless();
const trustRoot = parseTrustRoot(world.root, "root");
const pieces = [
  "{",
  "}",
  "[",
  "]",
  '"',
  ":",
  ",",
  "null",
  "-1",
  "1e99",
  "A",
  "=",
  "/",
  "\\u0000",
  "\u2014 ",
  "\\n",
  "0",
];

function keyBundle(): string {
  const payload = Buffer.from(signStatement(digest));
  const sig = sign("sha256", preAuthEncoding(statementPayloadType, payload), privateKey).toString("base64");
  return JSON.stringify({
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: { publicKey: { hint: "" } },
    dsseEnvelope: { payload: payload.toString("base64"), payloadType: statementPayloadType, signatures: [{ sig }] },
  });
}

test("bundles: any text is a bundle or a clear error, and a signature counts for its own digest alone", () => {
  const demand = { keys: [key], identities: [], trustRoot: undefined };
  holds("bundle", mutated(fc.constant(keyBundle()), pieces), (text) => {
    const evidence = parseBundle(Buffer.from(text));
    expect(judge(evidence, other, demand).problem).toBeDefined();
    const { problem, signer } = judge(evidence, digest, demand);
    if (problem === undefined) expect(signer).toEqual({ kind: "key", fingerprint: key.fingerprint });
    return true;
  });
});

/** A check of witnesses takes milliseconds: fewer cases than of the parsers. */
const witnessCases = atLeast(500);

test("bundles: no changed witness lets another identity count", () => {
  const texts = [world.sign(digest), readFileSync(join(import.meta.dirname, "../signature/real/rekor-2.json"), "utf8")];
  const own = { subject: "https://forge.example/**", issuer: "https://issuer.example" };
  const demand = { keys: [], identities: [own], trustRoot };
  const fates = { counted: 0, refused: 0 };
  const property = fc.property(mutated(fc.constantFrom(...texts), pieces), (text) => {
    try {
      const { problem, signer } = judge(parseBundle(Buffer.from(text)), digest, demand);
      fates[problem === undefined ? "counted" : "refused"] += 1;
      if (problem === undefined) expect(signer).toMatchObject({ kind: "identity", issuer: own.issuer });
    } catch (error) {
      expectClean(error);
    }
  });
  fc.assert(property, { numRuns: witnessCases, seed });
  expect(Math.min(fates.counted, fates.refused)).toBeGreaterThan(10);
});

test("simple signing: any text and annotations are a signature or a clear error", () => {
  const { payload, annotations } = world.signSimply(digest);
  const text = mutated(fc.constant(JSON.stringify({ payload: String(payload), annotations })), pieces);
  holds("simple signing", text, (one) => {
    let json: unknown;
    try {
      json = JSON.parse(one);
    } catch {
      return false;
    }
    const { payload: signed, annotations: own } = Object(json);
    if (typeof signed !== "string" || typeof own !== "object" || own === null) return false;
    const strings = Object.entries(own).filter((entry): entry is [string, string] => typeof entry[1] === "string");
    const evidence = parseSimpleSigning(Buffer.from(signed), Object.fromEntries(strings));
    expect(judge(evidence, other, { keys: [key], identities: [], trustRoot }).problem).toBeDefined();
    return true;
  });
});

test("trust roots: any text is a root or a clear error", () => {
  holds("trust root", mutated(fc.constant(world.root), pieces), (text) => {
    const { tlogs, certificateAuthorities, timestampAuthorities } = parseTrustRoot(text, "root");
    return tlogs.length + certificateAuthorities.length + timestampAuthorities.length > 0;
  });
});

test("log entries: any body names one key or is a clear error", () => {
  const entry = JSON.parse(world.sign(digest)).verificationMaterial.tlogEntries[0];
  const body = Buffer.from(entry.canonicalizedBody, "base64").toString();
  holds("log entry", mutated(fc.constant(body), pieces), (text) => loggedKey(Buffer.from(text)).type === "public");
});

test("public keys: any text is a key or a clear error", () => {
  const pem = String(publicKey.export({ format: "pem", type: "spki" }));
  holds("public key", mutated(fc.constant(pem), ["-", "\n", "A", "=", "PRIVATE ", "RSA ", " "]), (text) => {
    return parseVerifyingKey(text, "key").key.type === "public";
  });
});

/** The same rule as a regular expression, for short texts. */
function asExpression(pattern: string): RegExp {
  const parts = pattern.match(/\*\*|\*|[^*]/g) ?? [];
  const source = parts.map((one) => (one === "**" ? "[^]*" : one === "*" ? "[^/]*" : one.replace(/[^a-z]/, "\\$&")));
  return new RegExp(`^${source.join("")}$`);
}

test("identities: a pattern matches what its rule says, whole texts alone", () => {
  const letters = fc.array(fc.constantFrom("a", "b", "/", "@", "."), { maxLength: 8 }).map((one) => one.join(""));
  const pattern = fc.array(fc.constantFrom("a", "b", "/", "*", "**", "."), { maxLength: 6 }).map((one) => one.join(""));
  holds(
    "identity",
    fc.tuple(pattern, letters),
    ([one, text]) => {
      const doesMatch = matchesPattern(parsePattern(one, "identity"), text);
      expect(doesMatch).toBe(asExpression(one).test(text));
      if (!one.includes("*")) expect(doesMatch).toBe(one === text);
      return doesMatch;
    },
    0.01,
  );
});

test("hostile lengths end in time", () => {
  const long = 1_000_000;
  isQuick((text) => matchesPattern(`a${"*a".repeat(200)}`, text), "a".repeat(2000));
  isQuick((text) => matchesPattern(`${"**b".repeat(150)}`, text), "a".repeat(2000));
  isQuick((text) => parseBundle(Buffer.from(text)), "[".repeat(long));
  isQuick((text) => parseBundle(Buffer.from(text)), keyBundle().replace('"hint":""', `"hint":"${"x".repeat(long)}"`));
  isQuick((text) => parseVerifyingKey(text, "key"), "-----BEGIN ".repeat(long / 20));
  isQuick((text) => parseTrustRoot(text, "root"), "[".repeat(long));
  const bundle = JSON.parse(world.sign(digest));
  const [entry] = bundle.verificationMaterial.tlogEntries;
  const many = {
    ...bundle,
    verificationMaterial: { ...bundle.verificationMaterial, tlogEntries: Array(300).fill(entry) },
  };
  isQuick((text) => parseBundle(Buffer.from(text)), JSON.stringify(many));
  const huge = { ...entry, logIndex: "9".repeat(long / 2) };
  const number = { ...bundle, verificationMaterial: { ...bundle.verificationMaterial, tlogEntries: [huge] } };
  isQuick((text) => checkWitnesses(parseBundle(Buffer.from(text)), trustRoot, undefined), JSON.stringify(number));
  // Nested DER, as deep as its size allows.
  const nested = Buffer.concat([Buffer.from("3084000fff00".repeat(1), "hex"), Buffer.alloc(60_000, 0x30)]);
  const certificate = { rawBytes: nested.toString("base64") };
  const deep = { ...bundle, verificationMaterial: { ...bundle.verificationMaterial, certificate } };
  isQuick((text) => {
    expect(judge(parseBundle(Buffer.from(text)), digest, { keys: [], identities: [], trustRoot }).problem).toBe(
      "untrusted",
    );
  }, JSON.stringify(deep));
});
