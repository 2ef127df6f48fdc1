/**
 * Comparison of received bytes with their stated identity. The size comes first: a truncation is no digest mismatch.
 */
import { ContentVerificationError } from "../errors.ts";
import type { SizeBound, WrittenFile } from "../files/hashed-write.ts";
import type { BlobIdentity } from "../model/source.ts";

const hint = "tell the registry's operator: the registry, a mirror or an attacker sent other bytes; nothing was kept";

export interface IdentityCheck {
  /** The stated size. */
  readonly bound: SizeBound;
  /** @throws {ContentVerificationError} `BLOB_SIZE_MISMATCH`, `BLOB_DIGEST_MISMATCH` */
  readonly check: (written: WrittenFile) => void;
}

/** @param expected As stated by a manifest or lock, never by a response header. */
export function identityCheck({ digest, size }: BlobIdentity): IdentityCheck {
  const wrongSize = (what: string): ContentVerificationError =>
    new ContentVerificationError("BLOB_SIZE_MISMATCH", `${digest} ${what} as stated`, { hint });
  return {
    bound: { maxBytes: size, tooLong: () => wrongSize(`is longer than ${size} bytes`) },
    check: (written) => {
      if (written.size !== size) throw wrongSize(`has ${written.size} bytes, not ${size}`);
      if (written.digest === digest) return;
      const message = `the bytes received for ${digest} have the digest ${written.digest}`;
      throw new ContentVerificationError("BLOB_DIGEST_MISMATCH", message, { hint });
    },
  };
}
