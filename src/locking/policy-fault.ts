/** A part of the library's types: refers to no other package's types. */

/** A demand that an entry of the lock does not fulfil. */
export interface PolicyFault {
  readonly tool: string;
  readonly reference: string;
  readonly code: "SIGNATURE_MISSING" | "SIGNATURE_REFUSED" | "SIGNER_CHANGED" | "VERSION_AGE_REFUSED";
  /** `warn`: the policy only warns. */
  readonly action: "require" | "warn";
  /** Absolute path of the configuration file that demands it; undefined: no policy demands what the lock records. */
  readonly file: string | undefined;
  /** Prefix of the policy, as in the file. */
  readonly prefix: string | undefined;
  /** For people. */
  readonly reason: string;
  /** `REPOSITORY@DIGEST` whose signatures in the repository do not count; undefined: the lock itself lacks something. */
  readonly unsigned: string | undefined;
}
