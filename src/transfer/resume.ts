/** Transfer of one range of a blob over connections that may break. */
import type { Context } from "../context.ts";
import type { BlobIdentity, ByteRange, OpenedBlob } from "../model/source.ts";
import type { Tries } from "./tries.ts";

/** End of a range: all bytes; fewer bytes, without progress in the last try; or an answer with another range. */
export type RangeEnd =
  | { readonly kind: "complete" }
  | { readonly kind: "short" }
  | { readonly kind: "wrongRange"; readonly answer: OpenedBlob };

/** Bytes of a range in order; the generator returns the range's end. */
export type RangeBytes = AsyncGenerator<Uint8Array, RangeEnd>;

/** A blob of one source. */
export interface BlobAnswers {
  readonly blob: BlobIdentity;
  /** The source's name, for the log. */
  readonly name: string;
  /** Requests a range. The HTTP client retries, so that an error is final. */
  readonly open: (range: ByteRange, signal: AbortSignal) => Promise<OpenedBlob>;
}

export interface RangeRequest {
  readonly range: ByteRange;
  /** Counts the tries without new bytes. */
  readonly tries: Tries;
  /** The first answer, already open; undefined: the range is requested. */
  readonly opened: OpenedBlob | undefined;
}

/**
 * Reads a range, and requests the remaining bytes again after each broken connection.
 *
 * Bytes past the range are dropped. Bytes past a whole blob are yielded: the caller's size check must refuse the blob.
 *
 * @throws {OrasClientError} the last try's error
 */
export async function* resume(
  { blob, name, open }: BlobAnswers,
  { range, tries, opened }: RangeRequest,
  { log }: Pick<Context, "log">,
  signal: AbortSignal,
): RangeBytes {
  const { end } = range;
  const isWhole = range.first === 0 && end === blob.size;
  let position = range.first;
  for (let given = opened; ; given = undefined) {
    const answer = given ?? (await open({ first: position, end }, signal));
    if (answer.range.first !== position || answer.range.end !== end) return { kind: "wrongRange", answer };
    try {
      for await (const chunk of answer.bytes) {
        if (position === end && !isWhole) break;
        const wanted = isWhole ? chunk : chunk.subarray(0, end - position);
        position += wanted.byteLength;
        yield wanted;
      }
      if (position >= end) return { kind: "complete" };
      // An answer without a length may end early without an error: only the next try shows whether bytes are left.
      if (!tries.hasAdvanced(position)) return { kind: "short" };
      tries.isWorthwhile(position);
    } catch (error) {
      signal.throwIfAborted();
      if (position >= end) return { kind: "complete" };
      tries.goOnAfter(error, position);
      log.debug(`${name}: ${String(error)} at byte ${position} of ${blob.size}`);
    }
    await tries.pause(signal);
  }
}
