/** Brings one blob into the store over a network that fails: resumes, starts over, and goes on to the next source. */

import { asError, ContentVerificationError, OrasClientError, type Side } from "../errors.ts";
import { defaultRetry, mirrorRetry } from "../http/retry.ts";
import { type BlobIdentity, type BlobStream, type ByteRange, restOf, type Source } from "../model/source.ts";
import type { PartialBlob } from "../store/partial-blob.ts";
import type { TransferDeps } from "./deps.ts";
import { firstRange, inParts } from "./parts.ts";
import { fromFirst } from "./sources.ts";
import { Tries } from "./tries.ts";
import type { Turn } from "./turn.ts";

/** Sides of errors that a server may answer to one request of several, and not to a single one. */
const refusals: ReadonlySet<Side> = new Set(["absence", "network", "time", "denial"]);

export interface Transferred {
  /** In the store. */
  readonly path: string;
  /** The source that gave the last byte. */
  readonly source: Source;
}

/**
 * Tries the source's mirrors in their order, then the source itself, whose error is the one that is thrown.
 *
 * @param onBytes Told the size of each chunk; negative when bytes are dropped.
 */
export async function transferBlob(
  source: Source,
  blob: BlobIdentity,
  onBytes: (chunkBytes: number) => void,
  deps: TransferDeps,
  signal: AbortSignal,
): Promise<Transferred> {
  const partial = await deps.store.receive(blob, signal);
  onBytes(partial.size);
  if (partial.size > 0) deps.context.log.debug(`${blob.digest}: ${partial.size} bytes are there from an earlier try`);
  try {
    const transfer = async (from: Source, turn: Turn): Promise<Transferred> => {
      const { maxTries } = from === source ? defaultRetry : mirrorRetry;
      const told = (chunkBytes: number): void => {
        turn.onBytes(Math.max(0, chunkBytes));
        onBytes(chunkBytes);
      };
      return { path: await transferFrom(from, blob, partial, maxTries, told, deps, turn.signal), source: from };
    };
    return await fromFirst(source, transfer, deps, signal);
  } catch (error) {
    if (signal.aborted || (error instanceof OrasClientError && error.isRetryable)) await partial.keep();
    else await partial.discard();
    signal.throwIfAborted();
    throw error;
  }
}

/**
 * One source, until the blob is whole, or it gave nothing new in `maxTries` tries.
 *
 * Bytes of several answers that do not make the blob are fetched once more in one piece, since any of them may be to blame.
 */
async function transferFrom(
  source: Source,
  blob: BlobIdentity,
  partial: PartialBlob,
  maxTries: number,
  onBytes: (chunkBytes: number) => void,
  deps: TransferDeps,
  signal: AbortSignal,
): Promise<string> {
  const restart = async (): Promise<void> => {
    onBytes(-partial.size);
    await partial.restart();
  };
  const tries = new Tries(maxTries, partial.size, deps.context);
  let isPieced = partial.size > 0;
  let hasStartedOver = false;
  let maySplit = true;
  for (;;) {
    let bytes: BlobStream = none();
    let isSplit = false;
    if (partial.size < blob.size || blob.size === 0) {
      const { size } = partial;
      const asked: ByteRange = maySplit ? firstRange(blob, size, deps) : restOf(blob, size);
      // What this throws was tried several times already.
      const opened = await source.openBlob(blob, asked, signal);
      if (opened.range.first !== size) await restart();
      isSplit = opened.range.end < blob.size;
      maySplit &&= opened.range.end === asked.end;
      isPieced = partial.size > 0 || isSplit;
      bytes = isSplit ? inParts(source, blob, opened, maxTries, deps, signal) : opened.bytes;
    }
    try {
      await partial.append(bytes, signal, onBytes);
      // An early end looks like one that was meant, where no length was stated: the next try tells.
      if (partial.size === blob.size || !tries.hasAdvanced(partial.size)) return await partial.commit();
      tries.isWorthwhile(partial.size);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ContentVerificationError && isPieced && !hasStartedOver) {
        deps.context.log.debug(`${source.name}: ${error.message}; it is fetched in one piece`);
        hasStartedOver = true;
        maySplit = false;
        tries.startOver();
        await restart();
        continue;
      }
      const { message, side } = asError(error);
      deps.context.log.debug(`${source.name}: ${message} after ${partial.size} of ${blob.size} bytes`);
      // Each part was tried several times, and it may be that several connections are more than the server bears.
      if (isSplit && refusals.has(side)) maySplit = false;
      else tries.goOnAfter(error, partial.size);
    }
    await tries.pause(signal);
  }
}

async function* none(): AsyncGenerator<Uint8Array> {}
