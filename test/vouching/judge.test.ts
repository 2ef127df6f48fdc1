/**
 * What the source of an import vouches for. `real/` holds what PyPI serves for a file of `pypi-attestations` 0.0.19; npm's
 * attestations are those of `test/signature/real`.
 */
import { generateKeyPairSync, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { pypiVouchers } from "../../src/importers/pypi-vouchers.ts";
import { type FetchedFile, nothingSaid, type Vouchers } from "../../src/importers/vouchers.ts";
import { digestOf } from "../../src/model/digest.ts";
import { parseTrustRoot } from "../../src/signature/trust-root.ts";
import { judgeSource, type SourceTrust } from "../../src/vouching/judge.ts";
import { parseRegistryKeys } from "../../src/vouching/registry-keys.ts";
import { testContext } from "../support/context.ts";
import { defaultIssuer, defaultSubject, keyless, signedAt, type Wish } from "../support/keyless.ts";

function npmReal(name: string): Buffer {
  return readFileSync(join(import.meta.dirname, "../signature/real", name));
}

const publicRoot = parseTrustRoot(npmReal("public-root.json").toString(), "public-root.json");
const nowMs = Date.parse("2026-11-27T00:00:00Z");
const untrusting: SourceTrust = { trustRoot: undefined, keys: [], nowMs };
const trusting: SourceTrust = { ...untrusting, trustRoot: publicRoot };
const checksum = { level: "checksum", by: "sha512 stated by npm's registry" } as const;

function subjectOf(bundle: Buffer): FetchedFile {
  const { payload } = JSON.parse(bundle.toString()).dsseEnvelope;
  const [{ name, digest }] = JSON.parse(Buffer.from(payload, "base64").toString()).subject;
  return { names: [name], sha256: "0".repeat(64), sha512: digest.sha512 };
}

function vouchersOf(bundle: Buffer, file = subjectOf(bundle)): Vouchers {
  return { ...nothingSaid, file, checked: checksum, attestations: [bundle] };
}

describe("real provenance of npm", () => {
  const bundle = npmReal("npm-sigstore-2.0.0.json");
  const subject = "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main";

  test("with a trust root, the build is proven", () => {
    expect(judgeSource(vouchersOf(bundle), trusting)).toEqual({
      level: "provenance",
      by: `${subject} (https://token.actions.githubusercontent.com)`,
      build: {
        subject,
        issuer: "https://token.actions.githubusercontent.com",
        repository: "https://github.com/sigstore/sigstore-js",
        revision: "f0b49a04e5a62250e0f60fb128004a73110fe311",
        builder: "https://github.com/actions/runner/github-hosted",
        time: new Date("2023-08-18T16:05:35.000Z"),
      },
      notes: [],
    });
  });

  test("without a trust root, it does not count, and that is said", () => {
    expect(judgeSource(vouchersOf(bundle), untrusting)).toEqual({
      ...checksum,
      build: undefined,
      notes: ["provenance is there and not verified: name a trust root (--trust-root FILE)"],
    });
  });

  test.each<[string, Partial<FetchedFile>]>([
    ["other bytes", { sha512: "0".repeat(128) }],
    ["another version", { names: ["pkg:npm/sigstore@2.0.1"] }],
    ["another package", { names: ["pkg:npm/sigstore-evil@2.0.0"] }],
  ])("for %s it is an error, with and without a trust root", (_, change) => {
    const vouchers = vouchersOf(bundle, { ...subjectOf(bundle), ...change });
    for (const trust of [trusting, untrusting]) {
      expect(() => judgeSource(vouchers, trust)).toThrow(/an attestation of the source is about another file/);
    }
  });

  test("under another trust root it is an error", () => {
    const trustRoot = parseTrustRoot(keyless().root, "root.json");
    expect(() => judgeSource(vouchersOf(bundle), { ...untrusting, trustRoot })).toThrow(/does not hold/);
  });
});

describe("real attestation of npm's registry", () => {
  const bundle = npmReal("npm-publish.json");
  const { verificationMaterial } = JSON.parse(bundle.toString());
  const id: string = verificationMaterial.publicKey.hint;
  const body = JSON.parse(Buffer.from(verificationMaterial.tlogEntries[0].canonicalizedBody, "base64").toString());
  const pem = Buffer.from(body.spec.content.envelope.signatures[0].publicKey, "base64").toString();
  const key = pem.replace(/-----[^-]+-----|\s/g, "");
  const keysWith = (change: object) =>
    parseRegistryKeys(
      JSON.stringify({ keys: [{ keyid: id, keytype: "ecdsa-sha2-nistp256", key, ...change }] }),
      "keys",
    );

  test("it counts as a signature with the registry's key, and never as provenance", () => {
    const keys = keysWith({ expires: null });
    const verdict = judgeSource(vouchersOf(bundle), { ...trusting, keys });
    expect(verdict).toMatchObject({ level: "signature", by: `attestation of the registry's key ${id}`, notes: [] });
    const unnamed = judgeSource(vouchersOf(bundle), trusting);
    expect(unnamed).toMatchObject({ level: "checksum", notes: [expect.stringContaining("--registry-keys FILE")] });
  });

  test("a key that expired later counts where the log proves the time, and nowhere else", () => {
    const keys = keysWith({ expires: "2025-01-29T00:00:00.000Z" });
    expect(judgeSource(vouchersOf(bundle), { ...trusting, keys }).level).toBe("signature");
    expect(judgeSource(vouchersOf(bundle), { ...untrusting, keys })).toMatchObject({
      level: "checksum",
      notes: [`the registry's key ${id} expired on 2025-01-29, and nothing proves an earlier signature`],
    });
    const before = keysWith({ expires: "2023-01-01T00:00:00.000Z" });
    expect(judgeSource(vouchersOf(bundle), { ...trusting, keys: before })).toMatchObject({
      level: "checksum",
      notes: [expect.stringContaining("the signature is later")],
    });
  });

  test("another key of the same name is an error", () => {
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "der", type: "spki" });
    const keys = keysWith({ key: other.toString("base64") });
    expect(() => judgeSource(vouchersOf(bundle), { ...trusting, keys })).toThrow(/signature of the registry's attest/);
  });
});

describe("signatures of npm's registry", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const der = publicKey.export({ format: "der", type: "spki" }).toString("base64");
  const keysUntil = (expires: string | null) =>
    parseRegistryKeys(
      JSON.stringify({ keys: [{ keyid: "SHA256:a", keytype: "ecdsa-sha2-nistp256", key: der, expires }] }),
      "keys",
    );
  const text = "tool@1.0.0:sha512-x";
  const file: FetchedFile = { names: ["pkg:npm/tool@1.0.0"], sha256: "", sha512: "" };
  const signed = (by: string, keyId = "SHA256:a"): Vouchers => ({
    ...nothingSaid,
    file,
    checked: checksum,
    signatures: [{ keyId, text, signature: sign("sha256", Buffer.from(by), privateKey).toString("base64") }],
  });

  test("a signature counts; of another text it is an error; of an unknown or expired key it does not count", () => {
    const keys = keysUntil(null);
    expect(judgeSource(signed(text), { ...untrusting, keys })).toMatchObject({ level: "signature", notes: [] });
    expect(() => judgeSource(signed("tool@1.0.1:sha512-x"), { ...untrusting, keys })).toThrow(/does not hold/);
    expect(judgeSource(signed(text, "SHA256:b"), { ...untrusting, keys })).toMatchObject({
      level: "checksum",
      notes: [expect.stringContaining("that the named keys lack")],
    });
    expect(judgeSource(signed(text), { ...untrusting, keys: keysUntil("2026-01-01T00:00:00Z") })).toMatchObject({
      level: "checksum",
      notes: [expect.stringContaining("expired on 2026-01-01")],
    });
    expect(judgeSource(signed(text), untrusting)).toMatchObject({ level: "checksum" });
  });

  test.each(["", "[]", "{}", '{"keys":[]}', '{"keys":[{"keyid":"a","keytype":"ecdsa-sha2-nistp256","key":"AAAA"}]}'])(
    "keys %j are refused",
    (keys) => expect(() => parseRegistryKeys(keys, "keys.json")).toThrow(/keys\.json cannot be read/),
  );
});

/** The vouchers for a wheel on an index that answers as given. */
async function ofIndex(answers: Readonly<Record<string, string | Buffer>>, file: FetchedFile): Promise<Vouchers> {
  const [filename = ""] = file.names;
  const output = "Fetching project page and analyzing links: https://index.example/simple/x/\n";
  return await pypiVouchers(
    { file, filename, ran: { exitCode: 0, stdout: "", output }, pages: new Map() },
    {
      context: testContext(),
      workDir: "/nowhere",
      download: () => Promise.reject(new Error("no download")),
      readUrl: async ({ href }) => {
        const body = answers[href];
        return { status: body === undefined ? 404 : 200, bytes: Buffer.from(body ?? "") };
      },
    },
    new AbortController().signal,
  );
}

describe("real attestation of PyPI", () => {
  const filename = "pypi_attestations-0.0.19.tar.gz";
  const sha256 = "9bb1add04b1b4e182be6b0b80931593f7a291eb49d69b4fd728a5d4cbcdc4bd3";
  const file: FetchedFile = { names: [filename], sha256, sha512: "" };
  const address = "https://index.example/integrity/x";
  const page = (provenance: string | null, hash = sha256) =>
    JSON.stringify({ files: [{ filename: "other" }, { filename, hashes: { sha256: hash }, provenance }] });
  const served = readFileSync(join(import.meta.dirname, "real/pypi-attestations-0.0.19.json"));
  const index = { "https://index.example/simple/x/": page(address), [address]: served };

  test("with a trust root, the publisher's identity and source are proven", async () => {
    const vouchers = await ofIndex(index, file);
    expect(judgeSource(vouchers, trusting)).toMatchObject({
      level: "provenance",
      build: {
        subject: "https://github.com/trailofbits/pypi-attestations/.github/workflows/release.yml@refs/tags/v0.0.19",
        repository: "https://github.com/trailofbits/pypi-attestations",
      },
      notes: [],
    });
    expect(judgeSource(vouchers, untrusting)).toMatchObject({
      level: "checksum",
      notes: [expect.stringContaining("not verified")],
    });
  });

  test("on a page of HTML it is found, too", async () => {
    const html = `<a href="/x.whl#sha256=${sha256}" data-provenance="${address}">${filename}</a>`;
    const vouchers = await ofIndex({ ...index, "https://index.example/simple/x/": html }, file);
    expect(judgeSource(vouchers, trusting).level).toBe("provenance");
  });

  test("a file that the index does not state has no checksum, and no attestation is asked for", async () => {
    const vouchers = await ofIndex(
      { ...index, "https://index.example/simple/x/": page(address, "0".repeat(64)) },
      file,
    );
    expect(judgeSource(vouchers, trusting)).toMatchObject({ level: "none", notes: [] });
  });

  test.each<[string, string]>([
    ["at another host", "https://evil.example/integrity/x"],
    ["over plain http", "http://index.example/integrity/x"],
    ["no address at all", "http://["],
  ])("an attestation %s is not asked for", async (_, other) => {
    const vouchers = await ofIndex({ "https://index.example/simple/x/": page(other), [other]: served }, file);
    expect(judgeSource(vouchers, trusting)).toMatchObject({
      level: "checksum",
      notes: ["the attestation is at another host than the index"],
    });
  });

  test("an attestation that the index no longer serves is missing, and that is said", async () => {
    const vouchers = await ofIndex({ "https://index.example/simple/x/": page(address) }, file);
    expect(judgeSource(vouchers, trusting)).toMatchObject({
      level: "checksum",
      notes: ["the attestation cannot be read: index.example answers with status 404"],
    });
  });

  const parsed = JSON.parse(served.toString());
  const [{ attestations }] = parsed.attestation_bundles;
  test.each<[string, unknown]>([
    ["no JSON", "x"],
    ["another version", { ...parsed, version: 2 }],
    ["33 attestations", { version: 1, attestation_bundles: [{ attestations: Array(33).fill(attestations[0]) }] }],
  ])("%s is an error", async (_, answer) => {
    const body = typeof answer === "string" ? answer : JSON.stringify(answer);
    await expect(ofIndex({ ...index, [address]: body }, file)).rejects.toMatchObject({
      code: "IMPORT_CONTENT_INVALID",
    });
  });
});

describe("provenance of one's own world", () => {
  const world = keyless();
  const trust: SourceTrust = { ...untrusting, trustRoot: parseTrustRoot(world.root, "root.json") };
  const slsa = "https://slsa.dev/provenance/v1";
  const file: FetchedFile = { names: ["tool.tgz"], sha256: "a".repeat(64), sha512: "b".repeat(128) };
  const subject = [{ name: "tool.tgz", digest: { sha256: file.sha256 } }];
  const judged = (statement: object, wish: Wish = {}, by = trust) => {
    const bundle = world.sign(digestOf("x"), { ...wish, statement: { subject, predicateType: slsa, ...statement } });
    return judgeSource({ ...nothingSaid, file, checked: checksum, attestations: [Buffer.from(bundle)] }, by);
  };

  test("a good statement counts, with the certificate's source", () => {
    const repository = "https://forge.example/acme/tool";
    expect(judged({ predicate: {} }, { repository })).toMatchObject({
      level: "checksum",
      notes: [`an attestation (${slsa}) is not read`],
    });
    const predicate = { buildDefinition: { externalParameters: {}, resolvedDependencies: [] } };
    expect(judged({ predicate }, { repository })).toMatchObject({
      level: "provenance",
      by: `${defaultSubject} (${defaultIssuer})`,
      build: { repository, revision: undefined, builder: undefined, time: new Date(signedAt.getTime() + 60_000) },
    });
  });

  const predicate = { buildDefinition: { externalParameters: {}, resolvedDependencies: [] } };
  test.each<[string, object, Wish, RegExp]>([
    ["without a log's entry", { predicate }, { withoutEntry: true }, /does not hold/],
    ["of another signer's entry", { predicate }, { otherLogged: true }, /another signer/],
    ["logged too late", { predicate }, { loggedAt: new Date(signedAt.getTime() + 3_600_000) }, /does not hold/],
    [
      "with a right and a wrong digest",
      { predicate, subject: [{ name: "tool.tgz", digest: { sha256: file.sha256, sha512: "0" } }] },
      {},
      /another file/,
    ],
    ["without a name", { predicate, subject: [{ digest: { sha256: file.sha256 } }] }, {}, /another file/],
    ["without a digest", { predicate, subject: [{ name: "tool.tgz", digest: {} }] }, {}, /another file/],
    [
      "with a digest of another kind alone",
      { predicate, subject: [{ name: "tool.tgz", digest: { md5: "a" } }] },
      {},
      /another file/,
    ],
    ["of another payload", { predicate }, { payloadType: "text/plain" }, /cannot be read/],
  ])("a statement %s is an error", (_, statement, wish, message) => {
    expect(() => judged(statement, wish)).toThrow(message);
  });

  test("one good attestation does not hide a wrong one", () => {
    const good = world.sign(digestOf("x"), { statement: { subject, predicateType: slsa, predicate } });
    const wrong = world.sign(digestOf("x"), {
      withoutEntry: true,
      statement: { subject, predicateType: slsa, predicate },
    });
    const attestations = [good, wrong].map((text) => Buffer.from(text));
    expect(() => judgeSource({ ...nothingSaid, file, attestations }, trust)).toThrow(/does not hold/);
  });

  test("an attestation that says something else is named, and does not count", () => {
    expect(judged({ predicateType: "https://spdx.dev/Document" })).toMatchObject({
      level: "checksum",
      notes: ["an attestation (https://spdx.dev/Document) is not read"],
    });
  });

  test("what is no bundle is an error", () => {
    for (const text of ["", "{}", "null", "[".repeat(10_000)]) {
      const vouchers = { ...nothingSaid, file, attestations: [Buffer.from(text)] };
      expect(() => judgeSource(vouchers, untrusting)).toThrow(/cannot be read/);
    }
  });

  test("the user's own file: nobody vouches", () => {
    expect(judgeSource(undefined, trust)).toEqual({ level: "none", by: undefined, build: undefined, notes: [] });
  });
});
