/** Words of results about signatures, without the code that finds the results. */

/** Reasons that a signature does not count; public, since programs read them. */
export const problems = [
  /** Larger than any real signature; not read. */
  "too-large",
  /** Named by the registry, and not there. */
  "missing",
  "malformed",
  /** A format that is recognised and not checked, such as Notation's. */
  "unsupported",
  /** A signed statement that says something else than a signature does, such as provenance. */
  "attestation",
  "other-digest",
  "other-key",
  /** Signature, certificate, log entry or timestamp do not hold, or nothing vouches for them. */
  "untrusted",
  "other-identity",
] as const;
export type Problem = (typeof problems)[number];

/** Form in which a signature is stored. `unknown`: a manifest that cannot be read as a signature. */
export const signatureForms = ["sigstore-bundle", "simple-signing", "notation", "unknown"] as const;
export type SignatureForm = (typeof signatureForms)[number];
