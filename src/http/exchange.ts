/** One HTTP exchange over Node's client: headers first, then a body with backpressure. */
import type { ClientRequest, IncomingMessage } from "node:http";
import { RegistryUnavailableError } from "../errors.ts";
import { guardedLookup } from "./forbidden-address.ts";
import type { Transport } from "./transport.ts";

export interface ExchangeRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array> | undefined;
  /** True if a server chose the host. */
  readonly isHostForeign: boolean;
  readonly signal: AbortSignal;
  /** Limit for establishing a connection. */
  readonly connectTimeoutMs: number;
  /** Limit without a byte in either direction, and for all response headers after the request was sent. */
  readonly idleTimeoutMs: number;
}

/** Real servers send 100 and 103, once or twice. */
const maxInterimAnswers = 20;
/** Signed redirects of some registries exceed Node's default of 16 KiB. */
const maxHeaderBytes = 64 * 1024;

const failures = {
  CONNECT_TIMEOUT: "no connection in time",
  HEADERS_TIMEOUT: "no answer in time",
  IDLE_TIMEOUT: "no byte in time",
  NO_ANSWER: "no answer to the request",
} as const;

/** A timeout of this module, or an unusable answer; the code tells which. */
class ExchangeFailure extends Error {
  readonly code: keyof typeof failures;

  constructor(code: keyof typeof failures) {
    super(failures[code]);
    this.code = code;
  }
}

/**
 * A connection that was used before, and failed before an answer: the server, or something on the way, gave it up while
 * it was idle. Other idle connections to the server are no better.
 */
export class StaleConnection extends Error {
  readonly failure: Error;
  /** False if the connection was only silent. */
  readonly isClosed: boolean;

  constructor(failure: Error, isClosed: boolean) {
    super(failure.message);
    this.failure = failure;
    this.isClosed = isClosed;
  }
}

/** @param status The proxy's status. */
export function proxyRefused(proxyHost: string, status: number, url: URL): RegistryUnavailableError {
  return new RegistryUnavailableError("PROXY_REFUSED", `the proxy ${proxyHost} refused ${url.host}: status ${status}`, {
    hint:
      status === 407
        ? "write the proxy's login into HTTPS_PROXY as http://USER:PASSWORD@HOST:PORT"
        : "ask the proxy's operator, or name the host in NO_PROXY to bypass the proxy",
  });
}

/**
 * Sends one request and resolves with the response's headers. Ending a loop over the response early closes the
 * connection.
 *
 * @param request Its signal ends the exchange at any time: the promise or the body rejects.
 */
export function exchange(request: ExchangeRequest, transport: Transport): Promise<IncomingMessage> {
  const { url, method, headers, signal, connectTimeoutMs, idleTimeoutMs } = request;
  return new Promise((resolve, reject) => {
    const names = request.isHostForeign ? { lookup: guardedLookup } : {};
    const options = { method, headers, signal, agent: transport.agent, maxHeaderSize: maxHeaderBytes, ...names };
    const sent = transport.request(url, options, resolve);
    const fail = (code: keyof typeof failures): void => void sent.destroy(new ExchangeFailure(code));
    const connecting = setTimeout(fail, connectTimeoutMs, "CONNECT_TIMEOUT");
    sent.on("socket", (socket) => {
      // A reused connection is already established.
      if (!socket.connecting) clearTimeout(connecting);
      else socket.once(url.protocol === "https:" ? "secureConnect" : "connect", () => clearTimeout(connecting));
    });
    sent.setTimeout(idleTimeoutMs, () => fail("IDLE_TIMEOUT"));
    // The idle timeout alone would never end a server that drips bytes.
    let answering: NodeJS.Timeout | undefined;
    let hasAnswer = false;
    sent.once("finish", () => {
      if (!hasAnswer) answering = setTimeout(fail, idleTimeoutMs, "HEADERS_TIMEOUT");
    });
    sent.once("response", () => {
      hasAnswer = true;
      clearTimeout(answering);
    });
    let interimAnswers = 0;
    sent.on("information", () => {
      interimAnswers += 1;
      if (interimAnswers > maxInterimAnswers) fail("NO_ANSWER");
    });
    // 101 without a requested upgrade: Node would drop the connection without an error.
    sent.once("upgrade", (_response, socket) => {
      socket.destroy();
      reject(new ExchangeFailure("NO_ANSWER"));
    });
    sent.on("error", (error) => {
      const isStale = sent.reusedSocket && !hasAnswer && !signal.aborted;
      reject(isStale ? new StaleConnection(error, !(error instanceof ExchangeFailure)) : error);
    });
    // A proxy's refusal to connect must not count as the registry's response: it could ask for a login.
    sent.on("proxyConnect", ({ statusCode }: { readonly statusCode: number }) => {
      // Plain http is forwarded without a tunnel; the status then has no meaning.
      if (url.protocol === "https:" && statusCode !== 200)
        sent.destroy(proxyRefused(transport.proxyHost ?? "", statusCode, url));
    });
    sent.on("close", () => {
      clearTimeout(connecting);
      clearTimeout(answering);
      // Without effect on a settled promise.
      reject(new ExchangeFailure("NO_ANSWER"));
    });
    if (request.body === undefined) sent.end();
    else void send(request.body, sent);
  });
}

/** Resolves when the request accepts more bytes, or is closed. */
function drained(sent: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      sent.off("drain", done);
      sent.off("close", done);
      resolve();
    };
    sent.once("drain", done);
    sent.once("close", done);
  });
}

/** Writes a body with backpressure. `pipeline` is not used: it drops the error of the body's source. */
async function send(body: AsyncIterable<Uint8Array>, sent: ClientRequest): Promise<void> {
  try {
    for await (const chunk of body) {
      if (sent.destroyed) return;
      if (sent.write(chunk)) continue;
      await drained(sent);
    }
    sent.end();
  } catch (error) {
    // The request fails with the error of the body's source.
    sent.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}
