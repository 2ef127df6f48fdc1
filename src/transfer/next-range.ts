/** The choice of the bytes to ask for next. Pure. */
import type { BlobIdentity, ByteRange } from "../model/source.ts";
import { partBytes } from "./part-buffers.ts";

/** A shorter blob is complete before a second connection would help. */
const minSplitBytes = 32 * 1024 * 1024;

/** The bytes of a blob that are left to ask for. */
export interface Remaining {
  readonly blob: BlobIdentity;
  /** First byte that was not asked for yet. */
  readonly next: number;
}

/** True when the remaining bytes are worth several connections. */
export function isWorthSharing({ blob, next }: Remaining): boolean {
  return blob.size - next > minSplitBytes;
}

/** One part where several connections share the blob, else all remaining bytes; undefined when every byte was asked for. */
export function nextRange({ blob, next }: Remaining, isShared: boolean): ByteRange | undefined {
  // An empty blob is asked for once: only an answer shows that it exists.
  if (next === blob.size && blob.size > 0) return undefined;
  return { first: next, end: isShared ? Math.min(next + partBytes, blob.size) : blob.size };
}
