/** A single compressed file, as a stream of what is in it. */
import { localIoError } from "../errors.ts";
import { type FileSource, type OpenedFile, openFile } from "../files/opened-file.ts";
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
  source: FileSource,
  format: Compression,
  limits: Partial<ArchiveLimits>,
  signal: AbortSignal,
): Chunks {
  const file = typeof source === "string" ? await opened(source) : source;
  const budget = new Budget({ ...defaultLimits, ...limits }, file.size);
  // Only errors of reading are explained: what a consumer throws ends the generator without passing here.
  try {
    yield* budget.counted(decompressed(readChunks(file, signal), format));
  } catch (error) {
    throw signal.aborted ? signal.reason : archiveError(file.path, undefined, error);
  } finally {
    if (file !== source) await file.handle.close();
  }
}

async function opened(path: string): Promise<OpenedFile> {
  try {
    return await openFile(path, "follow");
  } catch (cause) {
    throw localIoError(`read ${path}`, cause);
  }
}
