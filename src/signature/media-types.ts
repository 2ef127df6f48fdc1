/** Names by which signatures are found: media types and annotations, as cosign and Notation write them. */

export const signatureTypes = {
  /** Sigstore bundle: the artifactType of a referrer and the type of its only layer. Written by cosign 3. */
  bundle: "application/vnd.dev.sigstore.bundle.v0.3+json",
  /** Layer of cosign 1 and 2, below the tag `sha256-<hex>.sig`. */
  simpleSigning: "application/vnd.dev.cosign.simplesigning.v1+json",
  /** The artifactType, or the config's type, of a referrer with layers of simple signing. */
  simpleSigningReferrer: "application/vnd.dev.cosign.artifact.sig.v1+json",
  /** The artifactType of Notation's signatures. */
  notation: "application/vnd.cncf.notary.signature",
} as const;

/** Version 0.1 and 0.2 have the version as a parameter; later versions may follow. */
const bundleType =
  /^application\/vnd\.dev\.sigstore\.bundle(?:\.v[0-9]{1,3}\.[0-9]{1,3}\+json|\+json;version=[0-9]\.[0-9])$/;

/** True for a media type of a sigstore bundle, of any version. */
export function isBundleType(mediaType: string): boolean {
  return bundleType.test(mediaType);
}

/** Annotations of a layer of simple signing. */
export const simpleSigningKeys = {
  /** Signature of the layer's bytes, in base64. */
  signature: "dev.cosignproject.cosign/signature",
  /** Certificate of the signer, as PEM. */
  certificate: "dev.sigstore.cosign/certificate",
  /** Entry of the transparency log, as JSON. */
  bundle: "dev.sigstore.cosign/bundle",
  /** Timestamp of an authority (RFC 3161), as JSON. */
  timestamp: "dev.sigstore.cosign/rfc3161timestamp",
} as const;

/** Annotations of a bundle's manifest: hints alone, since the signature does not cover the manifest. */
export const bundleKeys = {
  content: "dev.sigstore.bundle.content",
  predicateType: "dev.sigstore.bundle.predicateType",
} as const;

/** Value of `bundleKeys.content` for a signed statement. */
export const dsseContent = "dsse-envelope";
