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
} as const;

/** Kinds of documents: the short names of `--artifact-type`. */
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
