/** Blobs of the cache, looked up by digest and stated size. */

import { ContentVerificationError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import type { StoredContent } from "../store/store.ts";
import type { Run } from "../transfer/run.ts";
import { unlessDamaged } from "./repair.ts";
import type { Services } from "./services.ts";

/**
 * @param size Bytes, as a manifest or lock states them; undefined where nothing is stated.
 * @returns undefined for what is not there, or was damaged and can be fetched anew.
 * @throws {ContentVerificationError} `BLOB_SIZE_MISMATCH`: the bytes are right and the stated size is wrong, as a registry's answer
 *   would show; `CACHE_DAMAGED` with `--offline`
 */
export async function findCached(
  digest: Digest,
  size: number | undefined,
  services: Services,
  run: Run,
): Promise<StoredContent | undefined> {
  const { store } = services;
  return await unlessDamaged(services, async () => {
    const found = await store.find(digest, size);
    if (found === undefined || size === undefined || found.size === size) return found;
    // One of the two is wrong; the hash tells which.
    await store.verify(digest, run.signal);
    throw new ContentVerificationError(
      "BLOB_SIZE_MISMATCH",
      `${digest} has ${found.size} bytes, not the ${size} stated`,
      {
        hint: "correct the size: `buck2-oras info` and the lock show it",
      },
    );
  });
}
