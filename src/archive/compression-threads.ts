/**
 * Threads that compress, one stream each.
 *
 * A thread runs the bundle, since there is no other file. The thread's data tells the bundle that it runs as such a
 * thread (`compression-worker.ts`).
 */
import type { Worker } from "node:worker_threads";
import type { ThreadCode } from "../context.ts";
import type { Compressor } from "./encoder.ts";

/** Key of a thread's data, and its only argument. */
export const roleKey = "buck2OrasCompression";

export interface CompressionThread {
  push(block: Uint8Array): Promise<Uint8Array>;
  end(): Promise<Uint8Array>;
  stop(): Promise<void>;
}

export interface CompressionThreads {
  /** @returns undefined where no thread can be started; the caller then compresses itself. */
  start(compressor: Compressor): Promise<CompressionThread | undefined>;
}

interface Waiting {
  readonly resolve: (chunk: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * @param code The bundle.
 * @param onFailure Receives the reason why a thread cannot start, such as Node's permission model.
 */
export function createCompressionThreads(code: ThreadCode, onFailure: (error: unknown) => void): CompressionThreads {
  return {
    async start(compressor) {
      try {
        const { Worker } = await import("node:worker_threads");
        const options = { workerData: { [roleKey]: compressor }, argv: [roleKey], stdin: false };
        const isFile = typeof code === "string";
        return await startThread(new Worker(isFile ? code : await code(), { ...options, eval: !isFile }));
      } catch (error) {
        onFailure(error);
        return undefined;
      }
    },
  };
}

/** Resolves when the encoder is ready. */
async function startThread(worker: Worker): Promise<CompressionThread> {
  /** Questions without an answer; answers come in the order of the questions. */
  const waiting: Waiting[] = [];
  const next = (): Promise<Uint8Array> => {
    const answer = new Promise<Uint8Array>((resolve, reject) => {
      waiting.push({ resolve, reject });
    });
    // The answer to a block ahead is awaited later; the handler avoids an unhandled rejection until then.
    answer.catch(() => {});
    return answer;
  };
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    for (const { reject } of waiting.splice(0)) reject(failure);
  };
  worker.on("error", fail);
  worker.on("messageerror", fail);
  worker.on("exit", (code) => fail(new Error(`the compression thread ended with code ${code}`)));
  worker.on("message", (chunk: Uint8Array) => waiting.shift()?.resolve(chunk));
  const ask = (block: Uint8Array | null): Promise<Uint8Array> => {
    if (failure !== undefined) return Promise.reject(failure);
    worker.postMessage(block);
    return next();
  };
  try {
    await next();
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  return {
    push: ask,
    end: () => ask(null),
    stop: async () => void (await worker.terminate()),
  };
}
