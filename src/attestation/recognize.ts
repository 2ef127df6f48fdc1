/**
 * Recognition of a document by its content. A document with the marks of two kinds, or of none, is not recognised: a
 * wrong type would hide the document from its readers.
 *
 * @see SPDX 2.3, "Document Creation Information", and SPDX 3.0.1, "Serialization"; CycloneDX 1.6, "bomFormat"; in-toto
 *   attestation framework, spec/v1/statement.md; DSSE, envelope.md; protobuf-specs, sigstore_bundle.proto
 */
import * as v from "valibot";
import { isBundleType, signatureTypes } from "../signature/media-types.ts";
import { type DocumentType, documentTypes } from "./document-types.ts";

/** Larger documents need a named type: the whole document is parsed. */
export const maxRecognizedBytes = 32 * 1024 * 1024;

const spdx2 = v.object({ spdxVersion: v.pipe(v.string(), v.regex(/^SPDX-2\.\d{1,3}$/)), SPDXID: v.string() });
const spdx3Context = v.pipe(v.string(), v.startsWith("https://spdx.org/rdf/3."));
const spdx3 = v.object({
  "@context": v.union([
    spdx3Context,
    v.pipe(
      v.array(v.unknown()),
      v.someItem((one) => v.is(spdx3Context, one)),
    ),
  ]),
  "@graph": v.array(v.unknown()),
});
const cyclonedx = v.object({ bomFormat: v.literal("CycloneDX"), specVersion: v.string() });
const statement = v.object({
  _type: v.pipe(v.string(), v.regex(/^https:\/\/in-toto\.io\/Statement\/v(?:0\.1|1)$/)),
  predicateType: v.string(),
  subject: v.array(v.unknown()),
});
const envelope = v.object({
  payloadType: v.literal(documentTypes.inToto),
  payload: v.string(),
  signatures: v.array(v.unknown()),
});
const bundle = v.object({ mediaType: v.pipe(v.string(), v.check(isBundleType)), verificationMaterial: v.object({}) });

function same(name: DocumentType["name"], mediaType: string): DocumentType {
  return { name, artifactType: mediaType, mediaType };
}

const inEnvelope: DocumentType = {
  name: "in-toto",
  artifactType: documentTypes.inToto,
  mediaType: documentTypes.envelope,
};

const jsonTypes: readonly (readonly [v.GenericSchema, DocumentType])[] = [
  [spdx2, same("spdx", documentTypes.spdxJson)],
  [spdx3, same("spdx", documentTypes.spdxJson)],
  [cyclonedx, same("cyclonedx", documentTypes.cyclonedxJson)],
  [statement, same("in-toto", documentTypes.inToto)],
  [envelope, inEnvelope],
  [bundle, same("sigstore", signatureTypes.bundle)],
];

function recognizeJson(text: string): DocumentType | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const [only, ...others] = jsonTypes.filter(([schema]) => v.is(schema, json));
  if (only === undefined || others.length > 0) return undefined;
  const [, type] = only;
  if (type.name !== "sigstore") return type;
  // A bundle keeps its own version.
  const { mediaType } = v.parse(bundle, json);
  return same("sigstore", mediaType);
}

/** The first lines decide about text that is not JSON. */
const beginningChars = 4096;

const cyclonedxRoot =
  /^(?:<\?xml[^<>]{0,200}\?>)?\s{0,100}<(?:[a-z]{1,20}:)?bom\s[^<>]{0,2000}http:\/\/cyclonedx\.org\/schema\/bom\/1\.\d/;
const spdxTag = /^SPDXVersion:[ \t]{0,20}SPDX-2\.\d{1,3}\s/m;

/** @param bytes The whole document; at most `maxRecognizedBytes` are looked at. */
export function recognize(bytes: Uint8Array): DocumentType | undefined {
  if (bytes.byteLength > maxRecognizedBytes) return undefined;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).trimStart();
  } catch {
    return undefined;
  }
  if (text.startsWith("{")) return recognizeJson(text);
  const beginning = text.slice(0, beginningChars);
  if (cyclonedxRoot.test(beginning)) return same("cyclonedx", documentTypes.cyclonedxXml);
  // Comments alone may stand above the version.
  const [line = ""] = beginning.split(/\r?\n/).filter((one) => one.trim() !== "" && !one.startsWith("#"));
  return spdxTag.test(`${line}\n`) ? same("spdx", documentTypes.spdxText) : undefined;
}
