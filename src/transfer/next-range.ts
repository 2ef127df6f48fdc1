/** Choice of the next byte range to request. Pure functions. */
import type { BlobIdentity, ByteRange } from "../model/source.ts";
import { partBytes } from "./part-buffers.ts";

/** Fewer remaining bytes arrive before a second connection would help. */
const minSplitBytes = 32 * 1024 * 1024;

/** The bytes of a blob that were not requested yet. */
export interface Remaining {
  readonly blob: BlobIdentity;
  /** First byte that was not requested yet. */
  readonly next: number;
}

/** True when the remaining bytes are worth several connections. */
export function isWorthSharing({ blob, next }: Remaining): boolean {
  return blob.size - next > minSplitBytes;
}

/**
 * @returns One part if several connections share the blob, else all remaining bytes; undefined if every byte was
 *   requested.
 */
export function nextRange({ blob, next }: Remaining, isShared: boolean): ByteRange | undefined {
  // An empty blob is requested too: only an answer shows that the blob exists.
  if (next === blob.size && blob.size > 0) return undefined;
  return { first: next, end: isShared ? Math.min(next + partBytes, blob.size) : blob.size };
}
