/** Statements: the signed text, and the bytes that a signature covers. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { digestOf } from "../../src/model/digest.ts";
import {
  bundleKeys,
  dsseContent,
  isBundleType,
  signatureTypes,
  simpleSigningKeys,
} from "../../src/signature/media-types.ts";
import {
  isAbout,
  parseStatement,
  preAuthEncoding,
  signPredicateType,
  signStatement,
  statementPayloadType,
} from "../../src/signature/statement.ts";
import { holds, mutated } from "../support/property.ts";

const digest = digestOf("artifact");

test("statement: ours is about its digest and no other", () => {
  const statement = parseStatement(signStatement(digest));
  expect(statement.predicateType).toBe(signPredicateType);
  expect(isAbout(statement, digest)).toBe(true);
  expect(isAbout(statement, digestOf("another"))).toBe(false);
});

test.each([
  ["no JSON", "{", /not JSON/],
  ["another type", { _type: "x" }, /`_type`/],
  ["no subject", { subject: [] }, /`subject`/],
  ["a digest that is no text", { subject: [{ digest: { sha256: 1 } }] }, /`subject\.0\.digest\.sha256`/],
  ["no predicate type", { predicateType: "" }, /`predicateType`/],
])("statement: %s is refused by name", (_, change, message) => {
  const good = JSON.parse(Buffer.from(signStatement(digest)).toString());
  const text = typeof change === "string" ? change : JSON.stringify({ ...good, ...change });
  expect(() => parseStatement(Buffer.from(text))).toThrow(message);
});

test("statement: a digest of another algorithm, or in upper case, is another digest", () => {
  const of = (own: object) => {
    const text = JSON.stringify({
      ...JSON.parse(Buffer.from(signStatement(digest)).toString()),
      subject: [{ digest: own }],
    });
    return isAbout(parseStatement(Buffer.from(text)), digest);
  };
  const hex = digest.slice("sha256:".length);
  expect(of({ sha256: hex })).toBe(true);
  for (const own of [{ sha512: hex }, { sha256: hex.toUpperCase() }, { sha256: ` ${hex}` }, {}])
    expect(of(own)).toBe(false);
});

test("statement: any text is a statement or a clear error", () => {
  const text = fc.constantFrom(digestOf("a"), digestOf("b")).map((one) => Buffer.from(signStatement(one)).toString());
  const pieces = ["{", "}", "[", "]", '"', ":", ",", "null", "1", "sha256", "https://", "_type", "\\u0000"];
  holds("statement", mutated(text, pieces), (one) => {
    const { subject, predicateType } = parseStatement(Buffer.from(one));
    return subject.length > 0 && predicateType !== "";
  });
});

test("DSSE: the signed bytes are as the specification's example has them", () => {
  const bytes = preAuthEncoding("http://example.com/HelloWorld", Buffer.from("hello world"));
  expect(Buffer.from(bytes).toString()).toBe("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  expect(Buffer.from(preAuthEncoding(statementPayloadType, new Uint8Array())).toString()).toMatch(/ 28 \S+ 0 $/);
});

test("media types: bundles of every version are bundles, and nothing else is", () => {
  for (const one of [signatureTypes.bundle, "application/vnd.dev.sigstore.bundle+json;version=0.1"])
    expect(isBundleType(one)).toBe(true);
  for (const one of [signatureTypes.notation, signatureTypes.simpleSigning, `${signatureTypes.bundle}x`, ""])
    expect(isBundleType(one)).toBe(false);
});

test("annotations: their names are cosign's", () => {
  const names = [...Object.values(simpleSigningKeys), ...Object.values(bundleKeys)];
  for (const name of names) expect(name).toMatch(/^dev\.(?:sigstore|cosignproject)\.[a-z.]+(?:\/[a-z0-9]+)?$/i);
  expect(dsseContent).toBe("dsse-envelope");
});
