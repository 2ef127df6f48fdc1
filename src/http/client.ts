/**
 * One request, bounded: redirects by hand, retries, timeouts. Knows nothing of registries.
 *
 * Invariant: a credential goes to the origin it was given for and to no other, however often a server redirects.
 */
import type { Context } from "../context.ts";
import { RegistryUnavailableError, TimeoutError } from "../errors.ts";
import { version } from "../version.ts";
import { exchange, proxyRefused } from "./exchange.ts";
import { isLasting, networkError } from "./network-error.ts";
import { redirectTarget } from "./redirect.ts";
import { type HttpResponse, Response } from "./response.ts";
import { backoffMs, defaultRetry, isRetryableStatus, type RetryPolicy, retryAfterMs } from "./retry.ts";
import { type Route, Transports } from "./transport.ts";

export interface HttpOptions {
  /** The way to an origin; asked once for each. */
  readonly routeTo: (url: URL) => Promise<Route>;
  /** Until a connection stands. */
  readonly connectTimeoutMs: number;
  /** For the headers, and between two pieces of a body. */
  readonly idleTimeoutMs: number;
  /** When the whole command has to be done, in milliseconds since the epoch. */
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
  /** A POST that does no harm twice, as one that begins an upload. */
  readonly isRepeatable?: boolean;
  /** How hard it is tried; patiently where nothing is said. */
  readonly retries?: RetryPolicy;
  /** A path that is none of the log's business: that of a signed address. */
  readonly isPathSecret?: boolean;
  /** A server chose the host, and not the user: a name may not lead to where an address may not. */
  readonly isHostForeign?: boolean;
  /**
   * Read an answer of up to so many bytes as part of the request, so that a connection that breaks in the middle of it is tried
   * again; a longer one is left to the caller. Non-2xx: only the first 64 KiB are read.
   */
  readonly bufferBytes?: number;
  /** Where a login is asked for: a redirect to another origin is refused. */
  readonly staysAtOrigin?: boolean;
  readonly signal: AbortSignal;
}

export interface HttpClient {
  /** Resolves for every status; what a status means is the caller's to say. */
  request(request: HttpRequest): Promise<HttpResponse>;
  /**
   * Waits before something is tried once more: as long as the answer asks, else longer with each failure.
   *
   * @param answer What was answered; undefined when nothing was.
   * @throws {TimeoutError} `TIMED_OUT`, at once: there is not so much time
   */
  pause(failures: number, answer: HttpResponse | undefined, signal: AbortSignal): Promise<void>;
  close(): void;
}

const maxRedirects = 10;
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const credentialHeaders: ReadonlySet<string> = new Set(["authorization", "cookie", "proxy-authorization"]);

/** The next hop of a redirect chain, and the headers that may go there. */
function follow(response: Response, request: HttpRequest): HttpRequest {
  const url = redirectTarget(response.header("location"), response.url);
  if (url.origin === response.url.origin) return { ...request, url };
  if (request.method === "DELETE") {
    throw new RegistryUnavailableError(
      "REDIRECT_REFUSED",
      `${response.url.host} redirects a deletion to ${url.origin}`,
      {
        hint: "nothing was removed there; name that host itself if it is the right one, else tell who runs the registry",
      },
    );
  }
  if (request.staysAtOrigin) {
    throw new RegistryUnavailableError("REDIRECT_REFUSED", `${response.url.host} redirects a login to ${url.origin}`, {
      hint: "a login stays where it was meant for: name that host itself if it is the right one, else tell who runs the registry",
    });
  }
  // Dropped for good: the headers of the next hop are made from these.
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !credentialHeaders.has(name)));
  return { ...request, url, headers, isPathSecret: true, isHostForeign: true };
}

export function createHttpClient(options: HttpOptions, context: Context): HttpClient {
  const transports = new Transports(options.routeTo);
  const { connectTimeoutMs, idleTimeoutMs } = options;

  const send = async ({
    method,
    url,
    headers,
    body,
    isHostForeign = false,
    signal,
  }: HttpRequest): Promise<Response> => {
    const sent: Record<string, string> = {
      "user-agent": `buck2-oras/${version}`,
      // What is hashed is what was stored: no transfer may be compressed on the way.
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
      throw transport.proxyHost === undefined ? error : networkError(url, error, transport.proxyHost);
    }
    throw proxyRefused(transport.proxyHost, 407, url);
  };

  /** One URL, several tries. */
  const sendWithRetries = async (request: HttpRequest): Promise<Response> => {
    const { url, method, signal, retries = defaultRetry } = request;
    const isRepeatable = request.isRepeatable ?? method !== "POST";
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
      await pause(failures, answer, signal);
    }
  };

  const pause: HttpClient["pause"] = async (failures, answer, signal) => {
    const waitMs = retryAfterMs(answer?.header("retry-after"), context.now());
    if (waitMs !== undefined && context.now() + waitMs >= options.deadlineMs) {
      const asked = `asks to wait ${Math.ceil(waitMs / 1000)} seconds, longer than there is time for`;
      throw new TimeoutError("TIMED_OUT", `${answer?.url.host} ${asked}`, {
        hint: "try again later, or give more time with --timeout SECONDS",
      });
    }
    await context.sleep(waitMs ?? backoffMs(failures, context.random), signal);
  };

  return {
    async request(first) {
      let request = first;
      for (let redirects = 0; ; redirects += 1) {
        const response = await sendWithRetries(request);
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
    pause,
    close() {
      transports.close();
    },
  };
}
