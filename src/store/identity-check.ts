/** Compares what came with what was stated of it: size first, so that an early end is not called another digest. */
import { ContentVerificationError } from "../errors.ts";
import type { SizeBound, WrittenFile } from "../files/hashed-write.ts";
import type { BlobIdentity } from "../model/source.ts";

const hint = "the registry, a mirror or somebody between gave something else than was published: nothing was kept";

export interface IdentityCheck {
  /** The stated size. */
  readonly bound: SizeBound;
  /** @throws {ContentVerificationError} `BLOB_SIZE_MISMATCH`, `BLOB_DIGEST_MISMATCH` */
  readonly check: (written: WrittenFile) => void;
}

/** @param expected As a manifest or lock states them, never a response header. */
export function identityCheck({ digest, size }: BlobIdentity): IdentityCheck {
  const wrongSize = (what: string): ContentVerificationError =>
    new ContentVerificationError("BLOB_SIZE_MISMATCH", `${digest} ${what} that were stated`, { hint });
  return {
    bound: { maxBytes: size, tooLong: () => wrongSize(`is longer than the ${size} bytes`) },
    check: (written) => {
      if (written.size !== size) throw wrongSize(`has ${written.size} bytes, not the ${size}`);
      if (written.digest === digest) return;
      const message = `what came for ${digest} is ${written.digest}`;
      throw new ContentVerificationError("BLOB_DIGEST_MISMATCH", message, { hint });
    },
  };
}
