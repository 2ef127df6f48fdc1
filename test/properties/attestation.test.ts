/** Documents about an artifact, which anybody may attach. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { documentNames } from "../../src/attestation/document-types.ts";
import { provenanceVersion, readProvenance } from "../../src/attestation/provenance.ts";
import { readDocument } from "../../src/attestation/read-document.ts";
import { recognize } from "../../src/attestation/recognize.ts";
import { documents } from "../support/hostile-json.ts";
import { holds, isQuick, mutated } from "../support/property.ts";

const spdx2 = { spdxVersion: "SPDX-2.3", SPDXID: "SPDXRef-DOCUMENT", packages: [{ name: "tool" }] };
const spdx3 = { "@context": ["https://spdx.org/rdf/3.0.1/spdx-context.jsonld"], "@graph": [{ type: "Person" }] };
const cyclonedx = { bomFormat: "CycloneDX", specVersion: "1.6", version: 1 };
const statement = { _type: "https://in-toto.io/Statement/v1", predicateType: "x", subject: [{ name: "a" }] };
const envelope = { payloadType: "application/vnd.in-toto+json", payload: "e30=", signatures: [{ sig: "" }] };
const bundle = { mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json", verificationMaterial: { publicKey: {} } };

function recognized(text: string): boolean {
  const type = recognize(Buffer.from(text));
  if (type === undefined) return false;
  expect(documentNames).toContain(type.name);
  for (const one of [type.artifactType, type.mediaType]) expect(one).toMatch(/^[a-z]+\/[a-z0-9.+;=-]+$/);
  return true;
}

describe("recognition of a document", () => {
  test("any JSON is a document with known types, or is not recognised", () => {
    holds("recognize", documents([spdx2, spdx3, cyclonedx, statement, envelope, bundle]), recognized);
  });

  test("any other text is a document with known types, or is not recognised", () => {
    const xml = `<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.5" version="1"></bom>`;
    const tags = "# made by hand\n\nSPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\n";
    const pieces = [
      "<",
      ">",
      "#",
      "\n",
      "bom",
      "SPDXVersion:",
      " ",
      "\ufeff",
      "http://cyclonedx.org/schema/bom/1.",
      "2",
    ];
    holds("recognize text", mutated(fc.constantFrom(xml, tags), pieces), recognized);
  });

  test("a document with the marks of two kinds is not recognised", () => {
    expect(recognized(JSON.stringify({ ...spdx2, ...cyclonedx }))).toBe(false);
    expect(recognized(JSON.stringify({ ...statement, ...envelope }))).toBe(false);
  });

  test("time grows no faster than the text", () => {
    for (const piece of ["#\n", "<bom ", "<bom\t", " ", "\n", "SPDXVersion: ", "<?xml ", "{", '{"a":']) {
      isQuick(recognized, piece.repeat(200_000));
      isQuick(recognized, `<?xml${" ".repeat(150)}?><bom ${piece.repeat(200_000)}`);
    }
  });
});

const material = { uri: "git+https://git.example/tool@refs/tags/1", digest: { sha1: "a1" } };
const older = {
  builder: { id: "https://builder.example" },
  buildType: "x",
  invocation: { configSource: { uri: "git+https://git.example/tool", digest: { sha1: "a1" }, entryPoint: "x" } },
  materials: [material],
};
const current = {
  buildDefinition: {
    buildType: "x",
    externalParameters: { workflow: { ref: "refs/heads/main", repository: "https://git.example/tool" } },
    resolvedDependencies: [{ uri: "git+https://git.example/tool@refs/heads/main", digest: { gitCommit: "a1" } }],
  },
  runDetails: { builder: { id: "https://builder.example" } },
};

describe("SLSA provenance", () => {
  test("whatever a predicate holds, a claim is a text of at most 1000 characters, or absent", () => {
    const versions = fc.constantFrom("v0.1", "v0.2", "v1", "v1.1", "v2", "");
    const inputs = fc.tuple(documents([older, current]), versions);
    holds("provenance", inputs, ([text, version]) => {
      const type = `https://slsa.dev/provenance/${version}`;
      const claims = readProvenance(type, text === "" ? undefined : JSON.parse(text));
      if (provenanceVersion(type) === undefined) expect(claims).toBeUndefined();
      if (claims === undefined) return false;
      for (const claim of Object.values(claims)) {
        if (claim !== undefined) expect(typeof claim === "string" && claim !== "" && claim.length <= 1000).toBe(true);
      }
      return Object.values(claims).some((claim) => claim !== undefined);
    });
  });

  test.each([
    ["v0.2", older, "git+https://git.example/tool", "a1"],
    ["v0.2 without an invocation", { ...older, invocation: undefined }, material.uri, "a1"],
    ["v1", current, "https://git.example/tool", "a1"],
  ])("%s: builder, source and revision", (name, predicate, source, revision) => {
    const type = `https://slsa.dev/provenance/${name.split(" ")[0]}`;
    expect(readProvenance(type, predicate)).toMatchObject({ builder: "https://builder.example", source, revision });
  });

  test.each([
    ["a file has a checksum", { sha256: "ab" }, { revision: undefined, checksum: "sha256:ab" }],
    ["a commit says more than a checksum", { sha256: "ab", gitCommit: "c1" }, { revision: "c1", checksum: undefined }],
    ["a digest of another kind is neither", { sha512: "ab" }, { revision: undefined, checksum: undefined }],
  ])("%s", (_what, digest, expected) => {
    const buildDefinition = { externalParameters: {}, resolvedDependencies: [{ uri: "file:tool", digest }] };
    const predicate = { buildDefinition, runDetails: { builder: { id: "x" } } };
    expect(readProvenance("https://slsa.dev/provenance/v1", predicate)).toEqual({
      builder: "x",
      source: "file:tool",
      ...expected,
    });
  });
});

describe("a statement in a document", () => {
  const signed = {
    ...envelope,
    payload: Buffer.from(JSON.stringify({ ...statement, subject: [{ digest: { sha256: "a" } }] })).toString("base64"),
  };
  const plain = { ...statement, subject: [{ digest: { sha256: "a" } }] };

  test("any JSON is a document with a predicate, a signature, or a clear error", () => {
    const wellFormed = [plain, signed, { ...bundle, dsseEnvelope: signed }, { ...bundle, messageSignature: {} }];
    holds("document", documents(wellFormed), (text) => {
      const read = readDocument(Buffer.from(text));
      if (read.kind === "signature") return true;
      expect(read.statement.predicateType).toMatch(/./);
      expect(read.statement.subject.length).toBeGreaterThan(0);
      return true;
    });
  });

  test("any bytes in an envelope are a statement or a clear error", () => {
    const inputs = fc.tuple(documents([plain]), fc.integer({ min: 0, max: 3 }));
    holds("payload", inputs, ([text, cut]) => {
      const payload = Buffer.from(text).toString("base64").slice(cut);
      return readDocument(Buffer.from(JSON.stringify({ ...envelope, payload }))).kind === "statement";
    });
  });
});
