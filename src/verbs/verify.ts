/** `verify`: compares a file with a digest. */

import { identifyFile } from "../archive/identify.ts";
import { ContentVerificationError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";

/** @throws {ContentVerificationError} `CONTENT_DIGEST_MISMATCH` */
export async function verifyFile(path: string, digest: Digest, signal: AbortSignal): Promise<void> {
  const actual = await identifyFile(path, signal);
  if (actual.digest === digest) return;
  throw new ContentVerificationError("CONTENT_DIGEST_MISMATCH", `${path} is ${actual.digest}, not ${digest}`, {
    hint: "check path and digest: the file was changed or cut short, or is another version",
  });
}
