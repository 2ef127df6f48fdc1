/** One HTTP exchange over Node's own client: headers first, then a body that is read at the reader's pace. */
import type { ClientRequest, IncomingMessage } from "node:http";
import { RegistryUnavailableError } from "../errors.ts";
import type { Transport } from "./transport.ts";

export interface ExchangeRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array> | undefined;
  readonly signal: AbortSignal;
  /** Until a connection stands. */
  readonly connectTimeoutMs: number;
  /** Without a byte in either direction. */
  readonly idleTimeoutMs: number;
}

/** A timer of ours ran out; the code says which. */
class ExchangeTimeout extends Error {
  readonly code: "CONNECT_TIMEOUT" | "IDLE_TIMEOUT";

  constructor(code: "CONNECT_TIMEOUT" | "IDLE_TIMEOUT") {
    super(code === "CONNECT_TIMEOUT" ? "no connection in time" : "no byte in time");
    this.code = code;
  }
}

/** @param status What the proxy answered. */
export function proxyRefused(proxyHost: string, status: number, url: URL): RegistryUnavailableError {
  return new RegistryUnavailableError("PROXY_REFUSED", `the proxy ${proxyHost} refused ${url.host}: status ${status}`, {
    hint:
      status === 407
        ? "it wants a login: write it into HTTPS_PROXY as http://USER:PASSWORD@HOST:PORT"
        : "ask who runs the proxy, or name the host in NO_PROXY if it is to be reached without one",
  });
}

/**
 * Sends one request and resolves when the response's headers are there. Leaving a loop over the response early closes the
 * connection.
 *
 * @param request Its signal ends the exchange at any time: the promise, or the body, rejects.
 */
export function exchange(request: ExchangeRequest, transport: Transport): Promise<IncomingMessage> {
  const { url, method, headers, signal, connectTimeoutMs, idleTimeoutMs } = request;
  return new Promise((resolve, reject) => {
    const sent = transport.request(url, { method, headers, signal, agent: transport.agent }, resolve);
    const connecting = setTimeout(() => sent.destroy(new ExchangeTimeout("CONNECT_TIMEOUT")), connectTimeoutMs);
    sent.on("socket", (socket) => {
      // A kept connection stands already.
      if (!socket.connecting) clearTimeout(connecting);
      else socket.once(url.protocol === "https:" ? "secureConnect" : "connect", () => clearTimeout(connecting));
    });
    sent.setTimeout(idleTimeoutMs, () => sent.destroy(new ExchangeTimeout("IDLE_TIMEOUT")));
    sent.on("error", reject);
    // What a proxy says instead of connecting is no answer of the registry, and must not be able to ask for a login.
    sent.on("proxyConnect", ({ statusCode }: { readonly statusCode: number }) => {
      // A plain request is passed on without a tunnel, and this says nothing.
      if (url.protocol === "https:" && statusCode !== 200)
        sent.destroy(proxyRefused(transport.proxyHost ?? "", statusCode, url));
    });
    sent.on("close", () => clearTimeout(connecting));
    if (request.body === undefined) sent.end();
    else void send(request.body, sent);
  });
}

/** Resolves when more can be written, or never again. */
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

/** Writes a body as fast as the connection takes it. By hand: `pipeline` drops the error of a body's source. */
async function send(body: AsyncIterable<Uint8Array>, sent: ClientRequest): Promise<void> {
  try {
    for await (const chunk of body) {
      if (sent.destroyed) return;
      if (sent.write(chunk)) continue;
      await drained(sent);
    }
    sent.end();
  } catch (error) {
    // The source of the body failed: the request fails with its error.
    sent.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}
