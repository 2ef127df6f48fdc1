/** One HTTP exchange over undici: headers first, then a body that is read at the reader's pace. */
import type { Agent, Dispatcher } from "undici";

export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Can be read once. Leaving the loop early closes the connection. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Bytes that may wait for the reader before the socket is paused. */
const maxBufferedBytes = 4 * 1024 * 1024;

/** Chunks between the socket and one reader. */
class BodyQueue implements AsyncIterable<Uint8Array> {
  #chunks: Uint8Array[] = [];
  #bufferedBytes = 0;
  #hasEnded = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;
  readonly #controller: Dispatcher.DispatchController;

  constructor(controller: Dispatcher.DispatchController) {
    this.#controller = controller;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.byteLength;
    if (this.#bufferedBytes > maxBufferedBytes) this.#controller.pause();
    this.#notify();
  }

  end(error?: Error): void {
    this.#hasEnded = true;
    this.#error = error;
    this.#notify();
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Everything that has arrived, in one piece per turn: few turns keep large bodies fast. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      while (true) {
        const chunks = this.#chunks;
        if (chunks.length > 0) {
          this.#chunks = [];
          this.#bufferedBytes = 0;
          this.#controller.resume();
          for (const chunk of chunks) yield chunk;
        } else if (this.#hasEnded) {
          if (this.#error !== undefined) throw this.#error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      if (!this.#hasEnded) this.#controller.abort(new Error("the reader stopped"));
    }
  }
}

/**
 * Sends one request and resolves when the response's headers are there.
 *
 * @param signal Ends the exchange at any time; then the promise or the body rejects with the signal's reason.
 */
export function exchange(agent: Agent, options: Dispatcher.DispatchOptions, signal: AbortSignal): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    let body: BodyQueue | undefined;
    let abort = (): void => {};
    const fail = (error: Error): void => {
      signal.removeEventListener("abort", abort);
      const reason = signal.aborted && signal.reason instanceof Error ? signal.reason : error;
      if (body === undefined) reject(reason);
      else body.end(reason);
    };
    if (signal.aborted) {
      fail(new Error("aborted"));
      return;
    }
    agent.dispatch(options, {
      onRequestStart(controller) {
        abort = () => controller.abort(new Error("aborted"));
        signal.addEventListener("abort", abort, { once: true });
      },
      onResponseStart(controller, status, headers) {
        if (status < 200) return;
        body = new BodyQueue(controller);
        resolve({ status, headers, body });
      },
      onResponseData(_controller, chunk) {
        body?.push(chunk);
      },
      onResponseEnd() {
        signal.removeEventListener("abort", abort);
        body?.end();
      },
      onResponseError(_controller, error) {
        fail(error);
      },
    });
  });
}
