/** The other side of `compression-threads.ts`: compresses one stream, an answer for each block. */
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { roleKey } from "./compression-threads.ts";
import { type Compressor, createEncoder } from "./encoder.ts";

/** The compressor of this thread; undefined outside a compression thread. */
export function compressorOfThread(): Compressor | undefined {
  if (isMainThread || typeof workerData !== "object" || workerData === null) return undefined;
  return (workerData as Readonly<Record<string, Compressor | undefined>>)[roleKey];
}

/** Answers until the thread is stopped: an empty chunk when the encoder is ready, then a chunk for each block. */
export async function serveCompression(compressor: Compressor): Promise<void> {
  const encoder = await createEncoder(compressor);
  parentPort?.on("message", (block: Uint8Array | null) => {
    // Copied: the library's chunk may be a view of its whole memory.
    parentPort?.postMessage(new Uint8Array(block === null ? encoder.end() : encoder.push(block)));
  });
  parentPort?.postMessage(new Uint8Array());
}
