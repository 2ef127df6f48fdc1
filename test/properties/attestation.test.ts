/** Documents about an artifact, which anybody may attach. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { documentNames } from "../../src/attestation/document-types.ts";
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
