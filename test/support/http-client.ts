/** The HTTP client over real sockets, without waiting between tries. */

import { createHttpClient, type HttpClient, type HttpOptions } from "../../src/http/client.ts";
import { directRoute } from "../../src/http/transport.ts";
import { type TestContext, testContext } from "./context.ts";
import { whenTestEnds } from "./test-end.ts";

export interface TestHttpClient {
  readonly http: HttpClient;
  /** Milliseconds that the client waited, in their order. */
  readonly waits: readonly number[];
  /** Its clock stands for waits, and it has the verbose lines. */
  readonly context: TestContext;
}

/** @param whileWaiting Called at each wait, in its place. */
export function testHttpClient(changes: Partial<HttpOptions> = {}, whileWaiting?: () => void): TestHttpClient {
  const waits: number[] = [];
  const context = testContext({
    sleep: (delayMs) => {
      waits.push(delayMs);
      whileWaiting?.();
      return Promise.resolve();
    },
  });
  const routeTo = (): Promise<typeof directRoute> => Promise.resolve(directRoute);
  const timeouts = { connectTimeoutMs: 30_000, idleTimeoutMs: 60_000, deadlineMs: Date.now() + 120_000 };
  const http = createHttpClient({ routeTo, ...timeouts, ...changes }, context);
  whenTestEnds(() => http.close());
  return { http, waits, context };
}
