/**
 * One request, bounded: redirects by hand, retries, timeouts. Knows nothing of registries.
 *
 * Invariant: a credential goes to the origin it was given for and to no other, however often a server redirects.
 */
import type { IncomingMessage } from "node:http";
import type { Context } from "../context.ts";
import { ContentVerificationError, RegistryUnavailableError, TimeoutError } from "../errors.ts";
import { version } from "../version.ts";
import { exchange, proxyRefused } from "./exchange.ts";
import { networkError } from "./network-error.ts";
import { redirectTarget } from "./redirect.ts";
import { backoffMs, isRetryableStatus, maxTries, retryAfterMs } from "./retry.ts";
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
  /**
   * Read an answer of up to so many bytes as part of the request, so that a connection that breaks in the middle of it is tried
   * again; a longer one is left to the caller.
   */
  readonly bufferBytes?: number;
  /** Where a login is asked for: a redirect to another origin is refused. */
  readonly staysAtOrigin?: boolean;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  /** @param name lower-case; repeated headers are joined with `, ` */
  header(name: string): string | undefined;
  /** The body, at the reader's pace; every failure of the network is a `RegistryUnavailableError`. */
  stream(): AsyncIterable<Uint8Array>;
  /** @throws {ContentVerificationError} `RESPONSE_INVALID` for a body over `maxBytes` */
  bytes(maxBytes: number): Promise<Uint8Array>;
  /** Gives the connection back without reading a long body. */
  discard(): Promise<void>;
}

export interface HttpClient {
  /** Resolves for every status; what a status means is the caller's to say. */
  request(request: HttpRequest): Promise<HttpResponse>;
  close(): void;
}

const maxRedirects = 10;
/** Longer bodies are cheaper to cut off than to read to their end. */
const maxDiscardBytes = 64 * 1024;
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const credentialHeaders: ReadonlySet<string> = new Set(["authorization", "cookie", "proxy-authorization"]);

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(", ") : value;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* mapped(body: AsyncIterable<Uint8Array>, url: URL): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) yield chunk;
  } catch (error) {
    throw networkError(url, error);
  }
}

class Response implements HttpResponse {
  readonly status: number;
  readonly url: URL;
  readonly #raw: IncomingMessage;
  #buffered: Uint8Array | undefined;

  constructor(raw: IncomingMessage, url: URL) {
    this.status = raw.statusCode ?? 0;
    this.url = url;
    this.#raw = raw;
  }

  header(name: string): string | undefined {
    return first(this.#raw.headers[name]);
  }

  stream(): AsyncIterable<Uint8Array> {
    return this.#buffered === undefined ? mapped(this.#raw, this.url) : once(this.#buffered);
  }

  /** Reads the body now, unless it says that it is longer. */
  async buffer(maxBytes: number): Promise<void> {
    if (Number(this.header("content-length") ?? 0) <= maxBytes) this.#buffered = await this.bytes(maxBytes);
  }

  async bytes(maxBytes: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.stream()) {
      size += chunk.byteLength;
      if (size > maxBytes) {
        const { host, pathname } = this.url;
        throw new ContentVerificationError(
          "RESPONSE_INVALID",
          `the answer of ${host}${pathname} is over ${maxBytes} bytes`,
        );
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  async discard(): Promise<void> {
    if (this.#buffered !== undefined) return;
    let size = 0;
    try {
      for await (const chunk of this.#raw as AsyncIterable<Uint8Array>) {
        size += chunk.byteLength;
        if (size > maxDiscardBytes) return;
      }
    } catch {
      // Nobody wanted the body.
    }
  }
}

/** The next hop of a redirect chain, and the headers that may go there. */
function follow(response: Response, request: HttpRequest): HttpRequest {
  const url = redirectTarget(response.header("location"), response.url);
  if (url.origin === response.url.origin) return { ...request, url };
  if (request.staysAtOrigin) {
    throw new RegistryUnavailableError("REDIRECT_REFUSED", `${response.url.host} redirects a login to ${url.origin}`, {
      hint: "a login stays where it was meant for: name that host itself if it is the right one, else tell who runs the registry",
    });
  }
  // Dropped for good: the headers of the next hop are made from these.
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !credentialHeaders.has(name)));
  return { ...request, url, headers };
}

export function createHttpClient(options: HttpOptions, context: Context): HttpClient {
  const transports = new Transports(options.routeTo);
  const { connectTimeoutMs, idleTimeoutMs } = options;

  const send = async ({ method, url, headers, body, signal }: HttpRequest): Promise<Response> => {
    const sent: Record<string, string> = {
      "user-agent": `buck2-oras/${version}`,
      // What is hashed is what was stored: no transfer may be compressed on the way.
      "accept-encoding": "identity",
      ...headers,
    };
    if (body !== undefined) sent["content-length"] = String(body.sizeBytes);
    const request = { method, url, headers: sent, body: body?.open(), signal, connectTimeoutMs, idleTimeoutMs };
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
    const { url, method, signal } = request;
    const isIdempotent = method !== "POST";
    for (let failures = 0; ; failures += 1) {
      let waitMs: number | undefined;
      try {
        const response = await send(request);
        if (failures + 1 >= maxTries || !isRetryableStatus(response.status, isIdempotent)) {
          if (request.bufferBytes !== undefined) await response.buffer(request.bufferBytes);
          return response;
        }
        waitMs = retryAfterMs(response.header("retry-after"), context.now());
        await response.discard();
        context.log.debug(`${method} ${url.host}: status ${response.status}, trying again`);
        checkDeadline(waitMs, url);
      } catch (error) {
        const failure = networkError(url, error);
        if (signal.aborted) throw signal.reason;
        if (failure.code !== "REGISTRY_UNAVAILABLE" || !isIdempotent || failures + 1 >= maxTries) throw failure;
        context.log.debug(`${method} ${url.host}: ${failure.message}, trying again`);
      }
      await context.sleep(waitMs ?? backoffMs(failures, context.random), signal);
    }
  };

  const checkDeadline = (waitMs: number | undefined, url: URL): void => {
    if (waitMs === undefined || context.now() + waitMs < options.deadlineMs) return;
    const seconds = Math.ceil(waitMs / 1000);
    throw new TimeoutError("TIMED_OUT", `${url.host} asks to wait ${seconds} seconds, longer than there is time for`, {
      hint: "try again later, or give more time with --timeout SECONDS",
    });
  };

  return {
    async request(first) {
      let request = first;
      for (let redirects = 0; ; redirects += 1) {
        const response = await sendWithRetries(request);
        context.log.debug(`${request.method} ${request.url.host}${request.url.pathname}: ${response.status}`);
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
    close() {
      transports.close();
    },
  };
}
