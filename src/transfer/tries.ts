/** Limit of a transfer's tries: any number with progress, but only a few without. */
import type { Context } from "../context.ts";
import { OrasClientError } from "../errors.ts";
import { backoffMs, pauseFor } from "../http/retry.ts";

type TriesContext = Pick<Context, "now" | "progress" | "random" | "sleep">;

export class Tries {
  readonly #maxTries: number;
  readonly #context: TriesContext;
  readonly #name: string;
  #best: number;
  #fruitless = 0;

  /**
   * @param position Bytes present before the first try.
   * @param name The source, for the progress.
   */
  constructor(maxTries: number, position: number, context: TriesContext, name: string) {
    this.#name = name;
    this.#maxTries = maxTries;
    this.#best = position;
    this.#context = context;
  }

  /** True if `position` is past the positions of all earlier tries. */
  hasAdvanced(position: number): boolean {
    return position > this.#best;
  }

  /** Records a try's last position. @returns False after `maxTries` consecutive tries without progress. */
  isWorthwhile(position: number): boolean {
    this.#fruitless = this.hasAdvanced(position) ? 0 : this.#fruitless + 1;
    this.#best = Math.max(this.#best, position);
    return this.#fruitless < this.#maxTries;
  }

  /**
   * Records a failed try's last position.
   *
   * @throws `error` itself, unless it is `REGISTRY_UNAVAILABLE` and another try is allowed
   */
  goOnAfter(error: unknown, position: number): void {
    if (!(error instanceof OrasClientError && error.code === "REGISTRY_UNAVAILABLE")) throw error;
    if (!this.isWorthwhile(position)) throw error;
  }

  /** Forgets the progress, after the received bytes were dropped. */
  startOver(): void {
    this.#best = 0;
  }

  /** Waits before the next try, longer after each try without progress. */
  async pause(signal: AbortSignal): Promise<void> {
    const next = `${this.#name}: the connection broke; try ${this.#fruitless + 1} of ${this.#maxTries}`;
    await pauseFor(backoffMs(this.#fruitless, this.#context.random), next, this.#context, signal);
  }
}
