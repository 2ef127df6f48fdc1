/** A single compressed file, as a stream of what is in it. */
import { stat } from "node:fs/promises";
import { localIoError } from "../errors.ts";
import type { Chunks } from "./chunks.ts";
import { readChunks } from "./chunks.ts";
import { type Compression, decompressed } from "./compression.ts";
import { type ArchiveLimits, Budget, defaultLimits } from "./limits.ts";
import { archiveError } from "./refusal.ts";

/**
 * @throws {ContentVerificationError} from the iteration: `ARCHIVE_INVALID` for damaged or cut off bytes,
 *   `ARCHIVE_TOO_LARGE` beyond a limit
 */
export async function* decompressFile(
  path: string,
  format: Compression,
  limits: Partial<ArchiveLimits>,
  signal: AbortSignal,
): Chunks {
  let size: number;
  try {
    size = (await stat(path)).size;
  } catch (cause) {
    throw localIoError(`read ${path}`, cause);
  }
  const budget = new Budget({ ...defaultLimits, ...limits }, size);
  // Only errors of reading are explained: what a consumer throws ends the generator without passing here.
  try {
    yield* budget.counted(decompressed(readChunks(path, signal), format));
  } catch (error) {
    throw signal.aborted ? signal.reason : archiveError(path, undefined, error);
  }
}
