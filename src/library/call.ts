/** One call of a program: its signal, its progress, and its one kind of failure. */

import { noProgress, type Progress } from "../context.ts";
import { asError, InterruptedError, OrasClientError, TimeoutError, UsageError } from "../errors.ts";
import { anySignal } from "../parallel.ts";
import type { CallOptions } from "./options.ts";

/** The part of any method's arguments that is about the call. */
export interface CallArguments {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: CallOptions["onProgress"];
}

/** Reports transfers to a caller's function; without a function, nowhere. */
function progressOf(onProgress: CallOptions["onProgress"], onFailure: (error: UsageError) => void): Progress {
  let hasFailed = false;
  let transfers = 0;
  return {
    start(label, totalBytes) {
      const transfer = transfers++;
      let transferredBytes = 0;
      const report = (isDone: boolean): void => {
        if (onProgress === undefined || hasFailed) return;
        try {
          onProgress({ transfer, label, transferredBytes, totalBytes, isDone });
        } catch (cause) {
          hasFailed = true;
          const message = "the function `onProgress` of the caller failed";
          onFailure(new UsageError("USAGE_INVALID", message, { cause, hint: "correct the function of the caller" }));
        }
      };
      report(false);
      const advance = (chunkBytes: number): void => {
        transferredBytes += chunkBytes;
        report(false);
      };
      return { resume: advance, advance, done: () => report(true) };
    },
    awaiting: noProgress.awaiting,
  };
}

/** The error for a call that its signal ended. */
function interruption(reason: unknown): OrasClientError {
  if (reason instanceof OrasClientError) return reason;
  const message = `the caller's signal ended the call: ${reason instanceof Error ? reason.message : String(reason)}`;
  // The reason of `AbortSignal.timeout`, by its name: a DOMException of another realm is no instance of ours.
  const isTimeout = reason instanceof Error && reason.name === "TimeoutError";
  if (isTimeout) return new TimeoutError("TIMED_OUT", message, { cause: reason, hint: "allow the call more time" });
  return new InterruptedError("INTERRUPTED", message, { cause: reason });
}

/**
 * Runs the work of one call, which ends early by the caller's signal or by a failure of `onProgress`.
 *
 * @param parse Reads the caller's arguments; its errors reject, too.
 * @throws {OrasClientError} every failure, whatever was thrown
 */
export async function runCall<Given extends CallArguments, T>(
  parse: () => Given,
  work: (given: Given, signal: AbortSignal, progress: Progress) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  let either = own.signal;
  try {
    const given = parse();
    const { signal, onProgress } = given;
    if (signal !== undefined) either = anySignal(own.signal, signal);
    either.throwIfAborted();
    const progress = progressOf(onProgress, (error) => own.abort(error));
    const result = await work(given, either, progress);
    own.signal.throwIfAborted();
    return result;
  } catch (thrown) {
    throw either.aborted ? interruption(either.reason) : asError(thrown);
  }
}
