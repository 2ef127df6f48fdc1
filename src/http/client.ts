/**
 * HTTP client with bounded requests: own redirects, retries and timeouts. Independent of registries.
 *
 * Invariant: a credential is sent only to the origin of the original request, regardless of redirects.
 */
import { type Context, whileAwaiting } from "../context.ts";
import { RegistryUnavailableError, TimeoutError } from "../errors.ts";
import { version } from "../version.ts";
import { exchange, proxyRefused, StaleConnection } from "./exchange.ts";
import { isLasting, networkError } from "./network-error.ts";
import { redirectTarget } from "./redirect.ts";
import { type HttpResponse, Response } from "./response.ts";
import { backoffMs, defaultRetry, isRetryableStatus, pauseFor, type RetryPolicy, retryAfterMs } from "./retry.ts";
import { closeIdle, type Route, Transports } from "./transport.ts";

export interface HttpOptions {
  /** Route to an origin; called once per origin. */
  readonly routeTo: (url: URL) => Promise<Route>;
  /** Limit for establishing a connection. */
  readonly connectTimeoutMs: number;
  /** Limit for the response's headers, and between two chunks of a body. */
  readonly idleTimeoutMs: number;
  /** Deadline of the whole command, in milliseconds since the epoch. */
  readonly deadlineMs: number;
}

export interface RequestBody {
  readonly sizeBytes: number;
  /** Called once per try; each call starts at the first byte. */
  readonly open: () => AsyncIterable<Uint8Array>;
}

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  readonly url: URL;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  /** True for a POST that may be repeated, such as the start of an upload. Default: true for all methods but POST. */
  readonly isRepeatable?: boolean;
  /** Default: {@link defaultRetry}. */
  readonly retries?: RetryPolicy;
  /** Omits the path from the log, since a signed URL is a secret. */
  readonly isPathSecret?: boolean;
  /** True if a server chose the host: names that resolve to forbidden addresses are refused. */
  readonly isHostForeign?: boolean;
  /**
   * Reads a response of at most this size as part of the request, so that a broken connection is retried. The caller
   * reads a longer response itself. Non-2xx: only the first 64 KiB are read.
   */
  readonly bufferBytes?: number;
  /** Refuses redirects to another origin; set for logins, and for addresses that a stranger wrote. */
  readonly staysAtOrigin?: boolean;
  readonly signal: AbortSignal;
}

export interface HttpClient {
  /** Resolves for every status; the caller interprets the status. */
  request(request: HttpRequest): Promise<HttpResponse>;
  /**
   * Waits before a retry: as long as `Retry-After` asks, else with exponential backoff.
   *
   * @param answer The last response; undefined without a response.
   * @throws {TimeoutError} `TIMED_OUT` at once, if `Retry-After` exceeds the deadline
   */
  pause(failures: number, answer: HttpResponse | undefined, signal: AbortSignal): Promise<void>;
  close(): void;
}

const maxRedirects = 10;
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const credentialHeaders: ReadonlySet<string> = new Set(["authorization", "cookie", "proxy-authorization"]);

/** The request for the next hop of a redirect chain, without credentials for another origin. */
function follow(response: Response, request: HttpRequest): HttpRequest {
  const url = redirectTarget(response.header("location"), response.url);
  if (url.origin === response.url.origin) return { ...request, url };
  if (request.method === "DELETE") {
    throw new RegistryUnavailableError(
      "REDIRECT_REFUSED",
      `${response.url.host} redirects a deletion to ${url.origin}`,
      {
        hint: "name that host itself if it is the right one, else tell the registry's operator; nothing was removed",
      },
    );
  }
  if (request.staysAtOrigin) {
    const what = request.headers.authorization === undefined ? "a request" : "a login";
    throw new RegistryUnavailableError("REDIRECT_REFUSED", `${response.url.host} redirects ${what} to ${url.origin}`, {
      hint: "name that host itself if it is the right one, else tell the registry's operator; no login was sent",
    });
  }
  // Credentials are dropped for all later hops too: their headers derive from these.
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !credentialHeaders.has(name)));
  return { ...request, url, headers, isPathSecret: true, isHostForeign: true };
}

function isRepeatableRequest({ method, isRepeatable = method !== "POST" }: HttpRequest): boolean {
  return isRepeatable;
}

/** Whether a request may go out a second time without a new try: the server of an upload may have a part of the body. */
function maySendAgain(request: HttpRequest): boolean {
  const isOneTry = request.retries?.maxTries === 1;
  return isRepeatableRequest(request) && (request.body === undefined || !isOneTry);
}

export function createHttpClient(options: HttpOptions, context: Context): HttpClient {
  const transports = new Transports(options.routeTo);
  const { connectTimeoutMs, idleTimeoutMs } = options;

  /** @throws {StaleConnection} after all idle connections to the server were closed */
  const sendOnce = async ({
    method,
    url,
    headers,
    body,
    isHostForeign = false,
    signal,
  }: HttpRequest): Promise<Response> => {
    const sent: Record<string, string> = {
      "user-agent": `buck2-oras/${version}`,
      // The digest is of the stored bytes: a transfer must not be compressed on the way.
      "accept-encoding": "identity",
      ...headers,
    };
    if (body !== undefined) sent["content-length"] = String(body.sizeBytes);
    const bounds = { isHostForeign, signal, connectTimeoutMs, idleTimeoutMs };
    const request = { method, url, headers: sent, body: body?.open(), ...bounds };
    const transport = await transports.to(url);
    try {
      const response = new Response(await exchange(request, transport), url);
      if (transport.proxyHost === undefined || response.status !== 407) return response;
    } catch (error) {
      const { proxyHost } = transport;
      const named = <E>(failure: E) => (proxyHost === undefined ? failure : networkError(url, failure, proxyHost));
      if (!(error instanceof StaleConnection)) throw named(error);
      closeIdle(transport);
      throw new StaleConnection(named(error.failure), error.isClosed);
    }
    throw proxyRefused(transport.proxyHost, 407, url);
  };

  /** Sends a request. If its connection was closed while it was idle, sends it once more: the server saw nothing of it. */
  const send = async (request: HttpRequest): Promise<Response> => {
    try {
      return await sendOnce(request);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      if (!error.isClosed || !maySendAgain(request)) throw error.failure;
      context.log.debug(`${request.method} ${request.url.host}: the idle connection was closed, using a new one`);
    }
    try {
      return await sendOnce(request);
    } catch (error) {
      throw error instanceof StaleConnection ? error.failure : error;
    }
  };

  /** Sends a request to one URL, with retries. */
  const sendWithRetries = async (request: HttpRequest): Promise<Response> => {
    const { url, method, signal, retries = defaultRetry } = request;
    const isRepeatable = isRepeatableRequest(request);
    for (let failures = 0; ; failures += 1) {
      const isLast = failures + 1 >= retries.maxTries;
      let answer: Response | undefined;
      try {
        const response = await send(request);
        const isTooLong = !retries.isPatient && response.header("retry-after") !== undefined;
        if (isLast || isTooLong || !isRetryableStatus(response.status, isRepeatable)) {
          if (request.bufferBytes !== undefined) await response.buffer(request.bufferBytes);
          return response;
        }
        await response.discard();
        context.log.debug(`${method} ${url.host}: status ${response.status}, trying again`);
        answer = response;
      } catch (error) {
        const failure = networkError(url, error);
        if (signal.aborted) throw signal.reason;
        if (failure.code !== "REGISTRY_UNAVAILABLE" || isLasting(failure) || !isRepeatable || isLast) throw failure;
        context.log.debug(`${method} ${url.host}: ${failure.message}, trying again`);
      }
      const status = answer === undefined ? "" : `status ${answer.status}; `;
      const next = `${url.host}: ${status}try ${failures + 2} of ${retries.maxTries}`;
      await pauseAfter(failures, answer, next, signal);
    }
  };

  /** @param next Names the next try, for the progress. */
  const pauseAfter = async (
    failures: number,
    answer: HttpResponse | undefined,
    next: string,
    signal: AbortSignal,
  ): Promise<void> => {
    const waitMs = retryAfterMs(answer?.header("retry-after"), context.now());
    if (waitMs !== undefined && context.now() + waitMs >= options.deadlineMs) {
      const asked = `asks to wait ${Math.ceil(waitMs / 1000)} seconds, longer than the time left`;
      throw new TimeoutError("TIMED_OUT", `${answer?.url.host} ${asked}`, {
        hint: "try again later, or allow more time with --timeout SECONDS",
      });
    }
    await pauseFor(waitMs ?? backoffMs(failures, context.random), next, context, signal);
  };

  return {
    async request(first) {
      let request = first;
      for (let redirects = 0; ; redirects += 1) {
        const { host } = request.url;
        const response = await whileAwaiting(context.progress, `asking ${host}`, () => sendWithRetries(request));
        const path = request.isPathSecret ? "" : request.url.pathname;
        context.log.debug(`${request.method} ${request.url.host}${path}: ${response.status}`);
        const isUpload = request.method === "POST" || request.method === "PUT";
        if (!redirectStatuses.has(response.status) || isUpload) return response;
        await response.discard();
        if (redirects >= maxRedirects) {
          throw new RegistryUnavailableError(
            "REDIRECT_REFUSED",
            `${first.url.host} redirects more than ${maxRedirects} times`,
          );
        }
        request = follow(response, request);
      }
    },
    pause: (failures, answer, signal) =>
      pauseAfter(failures, answer, `${answer?.url.host ?? "the registry"}: next try`, signal),
    close() {
      transports.close();
    },
  };
}
