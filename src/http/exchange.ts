/**
 * One HTTP exchange over Node's own client: headers first, then a body that is read at the reader's pace.
 *
 * Node's client and not undici's: the latter compiles its parser from WebAssembly at the first request, which made up half
 * of a whole cold pull (docs/architecture.md has the figures).
 */
import { readFile } from "node:fs/promises";
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { ConfigurationError } from "../errors.ts";

/** How requests of one scheme leave; connections are kept and used again. */
export interface Transport {
  readonly agent: Agent;
  readonly request: (
    url: URL,
    options: RequestOptions,
    onResponse: (response: IncomingMessage) => void,
  ) => ClientRequest;
}

export async function plainTransport(): Promise<Transport> {
  const { Agent, request } = await import("node:http");
  return { agent: new Agent({ keepAlive: true }), request };
}

/** @param caFile PEM file with authorities to trust besides Node's own. */
export async function secureTransport(caFile: string | undefined): Promise<Transport> {
  // Loaded when it is needed: TLS costs 10 ms of start-up.
  const [{ Agent, request }, { rootCertificates }] = await Promise.all([import("node:https"), import("node:tls")]);
  if (caFile === undefined) return { agent: new Agent({ keepAlive: true }), request };
  try {
    const ca = [...rootCertificates, await readFile(caFile, "utf8")];
    return { agent: new Agent({ keepAlive: true, ca }), request };
  } catch (cause) {
    throw new ConfigurationError("CONFIG_INVALID", `cannot read the certificate authorities in ${caFile}`, {
      cause,
      hint: "give --ca-file a PEM file",
    });
  }
}

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
