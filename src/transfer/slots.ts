/** Connections and memory that all transfers of a process share. */
import pLimit from "p-limit";
import { PartBuffers } from "./part-buffers.ts";

export class TransferSlots {
  /** Memory for parts that are read ahead. */
  readonly buffers = new PartBuffers();
  readonly #limit: ReturnType<typeof pLimit>;

  /** @param concurrency Transfers at the same time. */
  constructor(concurrency: number) {
    this.#limit = pLimit(concurrency);
  }

  /** Runs `transfer` as soon as a slot is free. */
  run<T>(transfer: () => Promise<T>): Promise<T> {
    return this.#limit(transfer);
  }

  /** True when `run` would start a transfer at once. */
  hasFree(): boolean {
    return this.#limit.activeCount + this.#limit.pendingCount < this.#limit.concurrency;
  }
}
