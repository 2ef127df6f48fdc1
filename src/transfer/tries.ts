/** How often a transfer is taken up again: as long as it gets further, and a few times where it does not. */
import type { Context } from "../context.ts";
import { OrasClientError } from "../errors.ts";
import { backoffMs } from "../http/retry.ts";

export class Tries {
  readonly #maxTries: number;
  readonly #context: Pick<Context, "random" | "sleep">;
  #best: number;
  #fruitless = 0;

  /** @param position Bytes that are there before the first try. */
  constructor(maxTries: number, position: number, context: Pick<Context, "random" | "sleep">) {
    this.#maxTries = maxTries;
    this.#best = position;
    this.#context = context;
  }

  /** False when it got no further since the last time. */
  hasAdvanced(position: number): boolean {
    return position > this.#best;
  }

  /** Notes how far it got; false when that was no further for the last time. */
  isWorthwhile(position: number): boolean {
    this.#fruitless = this.hasAdvanced(position) ? 0 : this.#fruitless + 1;
    this.#best = Math.max(this.#best, position);
    return this.#fruitless < this.#maxTries;
  }

  /**
   * Notes how far it got before a failure.
   *
   * @throws `error`, where another try would not help, or enough were made
   */
  goOnAfter(error: unknown, position: number): void {
    if (!(error instanceof OrasClientError && error.code === "REGISTRY_UNAVAILABLE")) throw error;
    if (!this.isWorthwhile(position)) throw error;
  }

  /** The bytes that were there are dropped. */
  startOver(): void {
    this.#best = 0;
  }

  /** Longer after each try that brought nothing. */
  async pause(signal: AbortSignal): Promise<void> {
    await this.#context.sleep(backoffMs(this.#fruitless, this.#context.random), signal);
  }
}
