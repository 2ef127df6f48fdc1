/** The end of a request's time, which work on this machine alone puts off: `--timeout` is for networks that hang. */
import type { Context } from "../context.ts";

export class Deadline {
  readonly #context: Pick<Context, "now">;
  readonly #onEnd: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** End of the time, as far as no work puts it off now. */
  #endMs: number;
  #working = 0;
  /** Begin of the work that puts the end off. */
  #sinceMs = 0;

  constructor(timeoutMs: number, context: Pick<Context, "now">, onEnd: () => void) {
    this.#context = context;
    this.#onEnd = onEnd;
    this.#endMs = context.now() + timeoutMs;
    this.#start();
  }

  /** Milliseconds since the epoch. */
  get endMs(): number {
    return this.#working === 0 ? this.#endMs : this.#endMs + this.#context.now() - this.#sinceMs;
  }

  /** Runs work whose time does not count. */
  async puttingOff<T>(work: () => Promise<T>): Promise<T> {
    if (this.#working === 0) {
      this.#sinceMs = this.#context.now();
      clearTimeout(this.#timer);
    }
    this.#working += 1;
    try {
      return await work();
    } finally {
      if (this.#working === 1) this.#endMs = this.endMs;
      this.#working -= 1;
      if (this.#working === 0) this.#start();
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #start(): void {
    this.#timer = setTimeout(this.#onEnd, Math.max(0, this.#endMs - this.#context.now())).unref();
  }
}
