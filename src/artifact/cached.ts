/** Look-up of cached blobs by digest and stated size. */

import { ContentVerificationError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import type { StoredContent } from "../store/store.ts";
import type { Run } from "../transfer/run.ts";
import { unlessDamaged } from "./repair.ts";
import type { Services } from "./services.ts";

/**
 * @param size Size in bytes, as a manifest or lock states; undefined: not checked.
 * @returns undefined for a missing blob, and for a damaged blob that can be fetched again.
 * @throws {ContentVerificationError} `BLOB_SIZE_MISMATCH`: the bytes match the digest, so the stated size is wrong;
 *   `CACHE_DAMAGED` with `--offline`
 */
export async function findCached(
  digest: Digest,
  size: number | undefined,
  services: Pick<Services, "context" | "settings" | "store">,
  run: Run,
): Promise<StoredContent | undefined> {
  const { store } = services;
  return await unlessDamaged(services, async () => {
    const found = await store.find(digest, size);
    if (found === undefined || size === undefined || found.size === size) return found;
    // Either the blob or the stated size is wrong; the hash decides.
    await store.verify(digest, run.signal);
    throw new ContentVerificationError(
      "BLOB_SIZE_MISMATCH",
      `${digest} has ${found.size} bytes, not the stated ${size}`,
      {
        hint: "correct the size; `buck2-oras info` and the lock show the right size",
      },
    );
  });
}
