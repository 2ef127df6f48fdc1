/** Blobs that are read into memory: configs and documents. */
import { noProgress } from "../context.ts";
import { readBounded } from "../files/regular-file.ts";
import type { BlobIdentity, Target } from "../model/source.ts";
import type { Run } from "../transfer/run.ts";
import { fetchBlob } from "./fetch.ts";
import { withDamageRepaired } from "./repair.ts";
import type { Services } from "./services.ts";

/** Smaller blobs are fetched without a word: an artifact may have a hundred documents. */
const minShownBytes = 256 * 1024;

export interface SmallBlob {
  readonly source: Target;
  /** The caller has compared the size with its limit. */
  readonly blob: BlobIdentity;
  /** Name of the transfer in the progress bar. */
  readonly label: string;
}

/** Fetches a blob through the cache. The caller holds no transfer slot. */
export async function readSmallBlob(
  { source, blob: { digest, size }, label }: SmallBlob,
  services: Services,
  run: Run,
): Promise<Buffer> {
  return await withDamageRepaired(services, async (some) => {
    const silent = { ...some, context: { ...some.context, progress: noProgress } };
    await fetchBlob({ source, blob: { digest, size }, label }, size < minShownBytes ? silent : some, run);
    return await some.store.read(digest, run.signal, (file) => readBounded(file, size));
  });
}
