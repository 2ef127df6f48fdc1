/**
 * Bundles of the public sigstore instance, verified without a network. `real/` holds data that strangers published: two
 * attestations that npm serves for `sigstore` 1.3.0 and 2.0.0, npm's own attestation of the first, and a statement in
 * the log of 2025 (Rekor 2); `public-root.json` is the root that `@sigstore/tuf` 4.0.2 carries.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/model/digest.ts";
import { parseBundle, parseEnvelope } from "../../src/signature/bundle.ts";
import { judge } from "../../src/signature/check.ts";
import { parseTrustRoot } from "../../src/signature/trust-root.ts";
import { checkWitnesses } from "../../src/signature/witnesses.ts";

function real(name: string): string {
  return readFileSync(join(import.meta.dirname, "real", name), "utf8");
}

const publicRoot = parseTrustRoot(real("public-root.json"), "public-root.json");
const rekor2Root = parseTrustRoot(real("rekor-2-root.json"), "rekor-2-root.json");
const workflow = "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main";
const actions = "https://token.actions.githubusercontent.com";

const bundles = [
  ["npm-sigstore-1.3.0.json", publicRoot, { subject: workflow, issuer: actions }, "2023-04-18T17:45:12.000Z"],
  ["npm-sigstore-2.0.0.json", publicRoot, { subject: workflow, issuer: actions }, "2023-08-18T16:05:35.000Z"],
  ["rekor-2.json", rekor2Root, undefined, "2025-12-11T19:36:08.000Z"],
] as const;

describe.each(bundles)("%s", (name, root, identity, time) => {
  test("real bundle: its signer and time are proven", () => {
    const found = checkWitnesses(parseEnvelope(Buffer.from(real(name))), root, undefined);
    expect(found.identity).toEqual(identity ?? { subject: expect.any(String), issuer: expect.any(String) });
    expect(found.time?.toISOString()).toBe(time);
  });

  test("real bundle: it is of another digest, whoever is demanded", () => {
    const everybody = { subject: "https://**", issuer: "https://**" };
    // The statement in the log of 2025 is a greeting.
    if (name === "rekor-2.json") return expect(() => parseBundle(Buffer.from(real(name)))).toThrow(/no in-toto/);
    const evidence = parseBundle(Buffer.from(real(name)));
    const verdict = judge(evidence, digestOf("ours"), { keys: [], identities: [everybody], trustRoot: root });
    expect(verdict).toMatchObject({ problem: "other-digest", signer: undefined });
  });

  test("real bundle: nothing is proven with a signature, a statement or a log's entry of another byte", () => {
    const bundle = JSON.parse(real(name));
    const { dsseEnvelope, verificationMaterial } = bundle;
    const flip = (text: string, at: number): string => {
      const bytes = Buffer.from(text, "base64");
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return bytes.toString("base64");
    };
    const [signed] = dsseEnvelope.signatures;
    const [entry] = verificationMaterial.tlogEntries;
    const changed = [
      { dsseEnvelope: { ...dsseEnvelope, signatures: [{ ...signed, sig: flip(signed.sig, 12) }] } },
      {
        dsseEnvelope: {
          ...dsseEnvelope,
          payload: Buffer.from(dsseEnvelope.payload, "base64").toString().replace("subject", "subjecu"),
        },
      },
      {
        dsseEnvelope: {
          ...dsseEnvelope,
          payload: Buffer.from(`${Buffer.from(dsseEnvelope.payload, "base64")} `).toString("base64"),
        },
      },
      { verificationMaterial: { ...verificationMaterial, tlogEntries: [] } },
      {
        verificationMaterial: {
          ...verificationMaterial,
          tlogEntries: [{ ...entry, canonicalizedBody: flip(entry.canonicalizedBody, 40) }],
        },
      },
      {
        verificationMaterial: {
          ...verificationMaterial,
          tlogEntries: [
            {
              ...entry,
              integratedTime: "1700000000",
              inclusionPromise: entry.inclusionPromise ?? { signedEntryTimestamp: "AAAA" },
            },
          ],
        },
      },
    ];
    for (const change of changed) {
      const text = JSON.stringify({ ...bundle, ...change });
      expect(
        () => checkWitnesses(parseEnvelope(Buffer.from(text)), root, undefined),
        JSON.stringify(change).slice(0, 80),
      ).toThrow();
    }
  });
});

test("real bundle: an attestation with npm's key names nobody by a certificate", () => {
  const evidence = parseBundle(Buffer.from(real("npm-publish.json")));
  expect(evidence.certificate).toBeUndefined();
  expect(() => checkWitnesses(evidence, publicRoot, undefined)).toThrow(/no certificate/);
});

test("trust root: one without the log of 2025 proves no entry of that log", () => {
  const evidence = parseEnvelope(Buffer.from(real("rekor-2.json")));
  const tlogs = rekor2Root.tlogs.filter(({ baseURL }) => !baseURL.includes("log2025"));
  expect(() => checkWitnesses(evidence, { ...rekor2Root, tlogs }, undefined)).toThrow(/checkpoint/);
});

test.each([
  ["no JSON", "{", /cannot be read/],
  ["nothing", "{}", /is no trusted_root/],
  ["another document", JSON.stringify({ mediaType: "application/json" }), /is no trusted_root/],
  [
    "a root that names nobody",
    JSON.stringify({ mediaType: JSON.parse(real("public-root.json")).mediaType }),
    /names no authority/,
  ],
  ["a damaged certificate", real("public-root.json").replaceAll("MII", "AAA"), /cannot be read/],
])("trust root: %s is refused by name", (_, text, message) => {
  expect(() => parseTrustRoot(text, "root.json")).toThrow(message);
});
