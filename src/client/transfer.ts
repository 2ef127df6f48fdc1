/** Brings one blob into the store over a network that fails: resumes, starts over, and goes on to the next source. */
import { ContentVerificationError, OrasClientError } from "../errors.ts";
import { backoffMs, hasty, patient } from "../http/retry.ts";
import type { BlobIdentity, BlobStream, Source } from "../model/source.ts";
import type { PartialBlob } from "../store/partial-blob.ts";
import type { ClientDeps } from "./deps.ts";
import { fromFirst } from "./sources.ts";

export interface Transferred {
  /** In the store. */
  readonly path: string;
  /** Who gave the last byte. */
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
  deps: ClientDeps,
  signal: AbortSignal,
): Promise<Transferred> {
  const partial = await deps.store.receive(blob, signal);
  onBytes(partial.size);
  if (partial.size > 0) deps.context.log.debug(`${blob.digest}: ${partial.size} bytes are there from an earlier try`);
  try {
    const transfer = async (from: Source): Promise<Transferred> => {
      const { maxTries } = from === source ? patient : hasty;
      return { path: await transferFrom(from, blob, partial, maxTries, onBytes, deps, signal), source: from };
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
  deps: ClientDeps,
  signal: AbortSignal,
): Promise<string> {
  const restart = async (): Promise<void> => {
    onBytes(-partial.size);
    await partial.restart();
  };
  let isPieced = partial.size > 0;
  let hasStartedOver = false;
  let best = partial.size;
  let fruitless = 0;
  for (;;) {
    let bytes: BlobStream = none();
    if (partial.size < blob.size || blob.size === 0) {
      // What this throws was tried several times already.
      const opened = await source.openBlob(blob, partial.size, signal);
      if (opened.startsAt !== partial.size) await restart();
      isPieced = partial.size > 0;
      bytes = opened.bytes;
    }
    try {
      await partial.append(bytes, signal, onBytes);
      // An early end looks like one that was meant, where no length was stated: the next try tells.
      if (partial.size === blob.size || partial.size <= best) return await partial.commit();
      fruitless = 0;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ContentVerificationError && isPieced && !hasStartedOver) {
        deps.context.log.debug(`${source.name}: ${error.message}; it is fetched in one piece`);
        hasStartedOver = true;
        best = 0;
        await restart();
        continue;
      }
      if (!(error instanceof OrasClientError && error.code === "REGISTRY_UNAVAILABLE")) throw error;
      fruitless = partial.size > best ? 0 : fruitless + 1;
      if (fruitless >= maxTries) throw error;
      deps.context.log.debug(`${source.name}: ${error.message} after ${partial.size} of ${blob.size} bytes`);
    }
    best = Math.max(best, partial.size);
    await deps.context.sleep(backoffMs(fruitless, deps.context.random), signal);
  }
}

async function* none(): AsyncGenerator<Uint8Array> {}
