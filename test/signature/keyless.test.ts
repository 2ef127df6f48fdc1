/** Keyless signatures: whose name a certificate gives, and whether anything trusted vouches for it. */
import { X509Certificate } from "node:crypto";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/model/digest.ts";
import { parseBundle } from "../../src/signature/bundle.ts";
import { type Demand, judge } from "../../src/signature/check.ts";
import type { Evidence } from "../../src/signature/evidence.ts";
import { parseSimpleSigning } from "../../src/signature/simple-signing.ts";
import { parseTrustRoot } from "../../src/signature/trust-root.ts";
import { parseVerifyingKey } from "../../src/signature/verifying-key.ts";
import { der } from "../support/der.ts";
import { defaultIssuer, defaultSubject, keyless, signedAt, type Wish } from "../support/keyless.ts";

const digest = digestOf("artifact");
const world = keyless();
const trustRoot = parseTrustRoot(world.root, "root.json");
const demand: Demand = { keys: [], identities: [{ subject: defaultSubject, issuer: defaultIssuer }], trustRoot };

function judged(wish: Wish = {}, wanted: Demand = demand) {
  return judge(parseBundle(Buffer.from(world.sign(digest, wish))), digest, wanted);
}

function simple(wish: Wish = {}): Evidence {
  const { payload, annotations } = world.signSimply(digest, wish);
  return parseSimpleSigning(payload, annotations);
}

test("keyless: a good signature counts in both forms, with the log's time and the identity", () => {
  for (const verdict of [judged(), judge(simple(), digest, demand)]) {
    expect(verdict).toEqual({
      signer: { kind: "identity", subject: defaultSubject, issuer: defaultIssuer },
      time: new Date(signedAt.getTime() + 60_000),
      problem: undefined,
      why: "",
    });
  }
});

describe("keys with a trust root", () => {
  /** A signature whose key is named, and whose certificate plays no part. */
  const byKey = (wish: Wish, root: Demand["trustRoot"]) => {
    const text = world.sign(digest, wish);
    const { rawBytes } = JSON.parse(text).verificationMaterial.certificate;
    const pem = new X509Certificate(Buffer.from(rawBytes, "base64")).publicKey.export({ format: "pem", type: "spki" });
    const keys = [parseVerifyingKey(String(pem), "key")];
    return judge(parseBundle(Buffer.from(text)), digest, { keys, identities: [], trustRoot: root });
  };

  test("key: its time is the log's, which may be after any certificate", () => {
    const time = new Date(signedAt.getTime() + 3_600_000);
    expect(byKey({ loggedAt: time }, trustRoot)).toMatchObject({ problem: undefined, time, signer: { kind: "key" } });
  });

  test("key: without a root or without an entry, no time is trusted", () => {
    expect(byKey({}, undefined)).toMatchObject({ problem: undefined, time: undefined });
    expect(byKey({ withoutEntry: true }, trustRoot)).toMatchObject({ problem: undefined, time: undefined });
  });

  test.each<[string, Wish]>([
    ["is of another signer", { otherLogged: true }],
    ["has a changed time", { entry: (one) => ({ ...one, integratedTime: "1772366400" }) }],
    ["has another checkpoint", { checkpoint: () => "x" }],
  ])("key: a log's entry that %s refuses the signature", (_, wish) => {
    expect(byKey(wish, trustRoot)).toMatchObject({ problem: "untrusted", signer: undefined, time: undefined });
  });
});

const late = new Date(signedAt.getTime() + 3_600_000);
const early = new Date(signedAt.getTime() - 3_600_000);
/** A name that loses its highest bits to become another's. */
const disguised = defaultSubject.replace("acme", "\u00e1cme");
const mail = der(0x81, Buffer.from("a@b.example"));
const uri = der(0x86, Buffer.from(defaultSubject));

describe("keyless: does not count", () => {
  test.each<[string, Wish, string, RegExp]>([
    ["logged after the certificate ended", { loggedAt: late }, "untrusted", /certificate/],
    ["logged before the certificate began", { loggedAt: early }, "untrusted", /certificate/],
    ["without an entry of the log", { withoutEntry: true }, "untrusted", /timestamps/],
    ["without the certificate log's promise", { withoutPromise: true }, "untrusted", /SCT/],
    ["another subject", { subject: "https://forge.example/evil/tool" }, "other-identity", /somebody else/],
    ["another issuer", { issuer: "https://evil.example" }, "other-identity", /somebody else/],
    ["a subject in disguise", { subject: disguised }, "untrusted", /not exactly one subject/],
    ["an issuer in disguise", { issuer: "https://\u00e9ssuer.example" }, "untrusted", /no plain text/],
    ["two subjects", { names: [uri, mail] }, "untrusted", /not exactly one subject/],
    ["no subject", { names: [] }, "untrusted", /subject/],
    ["the name of a host", { names: [der(0x82, Buffer.from("forge.example"))] }, "untrusted", /not exactly one/],
    ["a certificate for servers", { purpose: "1.3.6.1.5.5.7.3.1" }, "untrusted", /code signing/],
    ["an entry of another signer", { otherLogged: true }, "untrusted", /another signer/],
    ["a changed time", { entry: (one) => ({ ...one, integratedTime: "1772366400" }) }, "untrusted", /promise/],
    ["an entry of another log", { entry: (one) => ({ ...one, logId: { keyId: digest } }) }, "untrusted", /promise/],
    ["an attestation", { statement: { predicateType: "https://slsa.dev/provenance/v1" } }, "attestation", /slsa/],
    ["another digest", { statement: { subject: [{ digest: { sha256: "0".repeat(64) } }] } }, "other-digest", /another/],
    [
      "a checkpoint without a signature",
      { checkpoint: (text) => `${text.split("\n\n")[0]}\n\n` },
      "untrusted",
      /checkpoint/,
    ],
    ["a checkpoint that is none", { checkpoint: () => "x" }, "untrusted", /checkpoint/],
    [
      "a checkpoint of an endless number",
      { checkpoint: (text) => text.replace("\n1\n", `\n${"9".repeat(60_000)}\n`) },
      "untrusted",
      /checkpoint/,
    ],
  ])("%s", (_, wish, problem, why) => {
    expect(judged(wish)).toMatchObject({
      problem,
      why: expect.stringMatching(why),
      time: problem === "other-identity" ? expect.any(Date) : undefined,
    });
  });

  test("a signature of another authority, another log and another certificate log", () => {
    const other = { ...demand, trustRoot: parseTrustRoot(keyless().root, "other.json") };
    expect(judged({}, other)).toMatchObject({ signer: undefined, problem: "untrusted" });
  });

  test("a signature with nobody demanded, and the signer is shown", () => {
    const verdict = judged({}, { keys: [], identities: [], trustRoot });
    expect(verdict).toMatchObject({ problem: "other-identity", signer: { subject: defaultSubject } });
  });

  test("a certificate without a trust root", () => {
    expect(judged({}, { ...demand, trustRoot: undefined })).toMatchObject({ problem: "untrusted", signer: undefined });
  });

  test.each<[string, Wish]>([
    ["logged after the certificate ended", { loggedAt: late }],
    ["without an entry", { withoutEntry: true }],
    ["an entry of another signer", { otherLogged: true }],
  ])("simple signing: %s", (_, wish) => {
    expect(judge(simple(wish), digest, demand)).toMatchObject({ problem: "untrusted", signer: undefined });
  });
});

test("keyless: names of other witnesses in a checkpoint are no regular expressions, and end in time", () => {
  const hint = Buffer.from(JSON.parse(world.sign(digest)).verificationMaterial.tlogEntries[0].logId.keyId, "base64");
  const signature = Buffer.concat([hint.subarray(0, 4), Buffer.alloc(70)]).toString("base64");
  // Against `https://rekor.example` this needs 2^20 steps and more.
  const endless = "(([a-z:/.]+)+)+!";
  const checkpoint = (text: string): string => text.replace("\n\n", `\n\n\u2014 ${endless} ${signature}\n`);
  const started = performance.now();
  expect(judged({ checkpoint }).problem).toBeUndefined();
  expect(performance.now() - started).toBeLessThan(5000);
});
