/** Names by which documents about an artifact are found: media types, and the short names of the command line. */

export const documentTypes = {
  /** JSON of SPDX 2 and 3. */
  spdxJson: "application/spdx+json",
  spdxText: "text/spdx",
  cyclonedxJson: "application/vnd.cyclonedx+json",
  cyclonedxXml: "application/vnd.cyclonedx+xml",
  /** An in-toto statement; also the artifactType of a statement in an envelope. */
  inToto: "application/vnd.in-toto+json",
  /** A DSSE envelope: a signed statement. */
  envelope: "application/vnd.dsse.envelope.v1+json",
  /** A sigstore bundle: an envelope, or a signature, with what verifies it. */
  bundle: "application/vnd.dev.sigstore.bundle.v0.3+json",
} as const;

/** Kinds of documents. The names are those of `--artifact-type`, and of `kind` in JSON. */
export const documentNames = ["spdx", "cyclonedx", "in-toto", "sigstore"] as const;
export type DocumentName = (typeof documentNames)[number];

/** A document's kind and types, as its content shows. */
export interface DocumentType {
  readonly name: DocumentName;
  /** Type of the artifact. */
  readonly artifactType: string;
  /** Type of the layer. */
  readonly mediaType: string;
}

/** Versions 0.1 and 0.2 of the bundle have the version as a parameter. */
const bundleType = /^application\/vnd\.dev\.sigstore\.bundle(?:\.v\d{1,3}\.\d{1,3}\+json|\+json;version=\d\.\d)$/;

/** True for a media type of a sigstore bundle, of any version. */
export function isBundleType(mediaType: string): boolean {
  return bundleType.test(mediaType);
}
