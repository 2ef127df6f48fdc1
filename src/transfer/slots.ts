/** Limits of connections and memory that all transfers of the process share. */
import { type Limiter, limitTo } from "../parallel.ts";
import { PartBuffers } from "./part-buffers.ts";

export interface TransferSlots extends Limiter {
  /** Memory for parts that are read ahead. */
  readonly buffers: PartBuffers;
}

/** @param concurrency Limit of concurrent transfers. */
export function createSlots(concurrency: number): TransferSlots {
  return { ...limitTo(concurrency), buffers: new PartBuffers() };
}
