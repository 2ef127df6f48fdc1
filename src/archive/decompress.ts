/** Decompression of a single compressed file. */
import { localIoError } from "../errors.ts";
import { type FileSource, type OpenedFile, openFile } from "../files/opened-file.ts";
import type { Chunks } from "./chunks.ts";
import { readChunks } from "./chunks.ts";
import { type Compression, decompressed } from "./compression.ts";
import { type ArchiveLimits, Budget, defaultLimits } from "./limits.ts";
import { archiveError } from "./refusal.ts";

/**
 * @throws {ContentVerificationError} from the iteration: `ARCHIVE_INVALID` for damaged or truncated bytes,
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
  // Only read errors arrive here: a consumer's error ends the generator without passing this `catch`.
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
