/** Transfer of one blob into the store over an unreliable network: resume, restart, continue with the next source. */
import { ArtifactNotFoundError, asError, ContentVerificationError, OrasClientError, type Side } from "../errors.ts";
import { defaultRetry, mirrorRetry } from "../http/retry.ts";
import type { Digest } from "../model/digest.ts";
import type { BlobIdentity, OpenedBlob, Source } from "../model/source.ts";
import type { PartialBlob } from "../store/partial-blob.ts";
import { isWorthSharing, nextRange } from "./next-range.ts";
import { inParts, type PartsServices } from "./parts.ts";
import { type BlobAnswers, type RangeBytes, type RangeEnd, resume } from "./resume.ts";
import type { Run } from "./run.ts";
import type { TransferServices } from "./services.ts";
import { fromFirst } from "./sources.ts";
import { Tries } from "./tries.ts";
import type { Turn, TurnServices } from "./turn.ts";

/** Sides of errors that a server may cause for one of several connections, but not for a single connection. */
const refusals: ReadonlySet<Side> = new Set(["absence", "network", "time", "denial"]);

export interface TransferRequest {
  readonly source: Source;
  readonly blob: BlobIdentity;
  /** Manifest that lists the blob, if it is known. */
  readonly manifest: Digest | undefined;
  /** Gets the number of bytes that an earlier process left. */
  readonly onResumed: (bytes: number) => void;
  /** Gets the size of each chunk in bytes; negative for dropped bytes. */
  readonly onBytes: (chunkBytes: number) => void;
}

export interface Transferred {
  /** Path in the store. */
  readonly path: string;
  /** The source that completed the blob. */
  readonly servedBy: Source;
}

/**
 * Transfers a blob from the source's mirrors in their order, else from the source itself.
 *
 * @throws {OrasClientError} the source's own error; mirrors' errors are logged
 */
export async function transferBlob(
  { source, blob, manifest, onResumed, onBytes }: TransferRequest,
  services: Pick<TransferServices, "context" | "store" | "slots"> & TurnServices,
  run: Run,
): Promise<Transferred> {
  const { signal } = run;
  const partial = await services.store.receive(blob, signal);
  if (partial.size > 0) {
    onResumed(partial.size);
    services.context.log.debug(`${blob.digest}: resumed after ${partial.size} bytes of an earlier try`);
  }
  try {
    const transfer = async (from: Source, turn: Turn): Promise<Transferred> => {
      const { maxTries } = from === source ? defaultRetry : mirrorRetry;
      const told = (chunkBytes: number): void => {
        turn.onBytes(Math.max(0, chunkBytes));
        onBytes(chunkBytes);
      };
      const request = { source: from, blob, manifest, partial, maxTries, onBytes: told };
      const path = await transferListed(request, services, { signal: turn.signal, mirrorHealth: run.mirrorHealth });
      return { path, servedBy: from };
    };
    return await fromFirst(source, transfer, services, run);
  } catch (error) {
    if (signal.aborted || (error instanceof OrasClientError && error.isRetryable)) await partial.keep();
    else await partial.discard();
    signal.throwIfAborted();
    throw error;
  }
}

interface SourceRequest extends Omit<TransferRequest, "onResumed"> {
  readonly partial: PartialBlob;
  /** Consecutive tries without new bytes, after which the source fails. */
  readonly maxTries: number;
}

/**
 * Transfers the blob from one source. A pull-through cache that lacks an artifact copies it when its manifest is asked for, and not for a blob
 * alone: a missing blob is asked for once more after its manifest.
 */
async function transferListed(
  request: SourceRequest,
  services: PartsServices,
  { signal, mirrorHealth }: Pick<Run, "signal" | "mirrorHealth">,
): Promise<string> {
  const { source, blob, manifest } = request;
  try {
    return await transferFrom(request, services, signal);
  } catch (error) {
    if (!(error instanceof ArtifactNotFoundError) || manifest === undefined) throw error;
    services.context.log.debug(`${source.name} lacks ${blob.digest}: asking for the manifest that lists the blob`);
    if (!(await mirrorHealth.hasManifest(source, manifest, signal))) throw error;
    return await transferFrom(request, services, signal);
  }
}

/** Ways to request a blob from one source, each more careful than the previous way. */
type Way = "parts" | "oneConnection" | "fromStart";

/**
 * Requests the blob from one source until the blob is complete, or `maxTries` consecutive tries yield no new bytes.
 *
 * If the bytes of several answers are not the blob, any of the answers may be wrong: the blob is fetched once more in
 * one answer.
 */
async function transferFrom(
  { source, blob, partial, maxTries, onBytes }: SourceRequest,
  { context, slots }: PartsServices,
  signal: AbortSignal,
): Promise<string> {
  const tries = new Tries(maxTries, partial.size, context, source.name);
  let way: Way = "parts";
  /** Answers with bytes in the partial. An earlier process's partial counts as two: its bytes may be of several. */
  let answers = partial.size > 0 ? 2 : 0;
  /** An answer to use in place of the next request. */
  let given: OpenedBlob | undefined;
  const from: BlobAnswers = {
    blob,
    name: source.name,
    open: (range, one) => {
      answers += 1;
      return source.openBlob(blob, range, one);
    },
  };
  const restart = async (): Promise<void> => {
    onBytes(-partial.size);
    await partial.restart();
  };
  const inOneConnection = (): void => {
    if (way === "parts") way = "oneConnection";
  };
  for (;;) {
    const remaining = { blob, next: partial.size };
    const asked = nextRange(remaining, way === "parts" && isWorthSharing(remaining) && slots.hasFree());
    const opened = given ?? (asked === undefined ? undefined : await from.open(asked, signal));
    given = undefined;
    const isSplit = opened !== undefined && opened.range.end < blob.size;
    let end = { kind: "complete" } as RangeEnd;
    try {
      if (opened !== undefined) {
        if (opened.range.first !== partial.size) {
          await restart();
          answers = 1;
        }
        if (opened.range.end !== asked?.end) inOneConnection();
        const bytes = isSplit
          ? inParts(from, { opened, maxTries }, { context, slots }, signal)
          : resume(from, { range: opened.range, tries, opened }, context, signal);
        await partial.append(
          withEnd(bytes, (found) => {
            end = found;
          }),
          signal,
          onBytes,
        );
      }
      if (end.kind === "wrongRange") {
        given = end.answer;
        inOneConnection();
        continue;
      }
      if (end.kind === "complete" || !tries.hasAdvanced(partial.size)) return await partial.commit();
      inOneConnection();
      tries.isWorthwhile(partial.size);
    } catch (error) {
      signal.throwIfAborted();
      // A single part is not the whole answer either.
      const isPieced = answers > 1 || isSplit;
      if (error instanceof ContentVerificationError && isPieced && way !== "fromStart") {
        context.log.debug(`${source.name}: ${error.message}; the blob is fetched in one piece`);
        way = "fromStart";
        tries.startOver();
        await restart();
        answers = 0;
        continue;
      }
      // Each part was tried several times; several connections may be more than the server accepts.
      if (!isSplit || !refusals.has(asError(error).side)) throw error;
      context.log.debug(`${source.name}: ${asError(error).message} after ${partial.size} of ${blob.size} bytes`);
      inOneConnection();
    }
    await tries.pause(signal);
  }
}

/** Passes the bytes through; `onEnd` gets the generator's return value. */
async function* withEnd(bytes: RangeBytes, onEnd: (end: RangeEnd) => void): AsyncGenerator<Uint8Array> {
  onEnd(yield* bytes);
}
