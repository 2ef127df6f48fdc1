/** One HTTP exchange over Node's own client: headers first, then a body that is read at the reader's pace. */
import type { ClientRequest, IncomingMessage } from "node:http";
import { RegistryUnavailableError } from "../errors.ts";
import { guardedLookup } from "./forbidden-address.ts";
import type { Transport } from "./transport.ts";

export interface ExchangeRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array> | undefined;
  /** A server chose the host. */
  readonly isHostForeign: boolean;
  readonly signal: AbortSignal;
  /** Until a connection stands. */
  readonly connectTimeoutMs: number;
  /** Without a byte in either direction; and for all of the headers, once the request was sent. */
  readonly idleTimeoutMs: number;
}

/** Real servers send 100 and 103, once or twice. */
const maxInterimAnswers = 20;
/** Some registries sign what they redirect to with policies that take more than Node's 16 KiB. */
const maxHeaderBytes = 64 * 1024;

const failures = {
  CONNECT_TIMEOUT: "no connection in time",
  HEADERS_TIMEOUT: "no answer in time",
  IDLE_TIMEOUT: "no byte in time",
  NO_ANSWER: "no answer to the request",
} as const;

/** A timer of ours ran out, or what came is nothing to go on with; the code says which. */
class ExchangeFailure extends Error {
  readonly code: keyof typeof failures;

  constructor(code: keyof typeof failures) {
    super(failures[code]);
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
    const names = request.isHostForeign ? { lookup: guardedLookup } : {};
    const options = { method, headers, signal, agent: transport.agent, maxHeaderSize: maxHeaderBytes, ...names };
    const sent = transport.request(url, options, resolve);
    const fail = (code: keyof typeof failures): void => void sent.destroy(new ExchangeFailure(code));
    const connecting = setTimeout(fail, connectTimeoutMs, "CONNECT_TIMEOUT");
    sent.on("socket", (socket) => {
      // A kept connection stands already.
      if (!socket.connecting) clearTimeout(connecting);
      else socket.once(url.protocol === "https:" ? "secureConnect" : "connect", () => clearTimeout(connecting));
    });
    sent.setTimeout(idleTimeoutMs, () => fail("IDLE_TIMEOUT"));
    // A server that sends a byte now and then is never idle.
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
    // 101: nobody asked for another protocol, and Node lets go of the connection without a word.
    sent.once("upgrade", (_response, socket) => {
      socket.destroy();
      reject(new ExchangeFailure("NO_ANSWER"));
    });
    sent.on("error", reject);
    // What a proxy says instead of connecting is no answer of the registry, and must not be able to ask for a login.
    sent.on("proxyConnect", ({ statusCode }: { readonly statusCode: number }) => {
      // A plain request is passed on without a tunnel, and this says nothing.
      if (url.protocol === "https:" && statusCode !== 200)
        sent.destroy(proxyRefused(transport.proxyHost ?? "", statusCode, url));
    });
    sent.on("close", () => {
      clearTimeout(connecting);
      clearTimeout(answering);
      // However it ended: what is settled stays so.
      reject(new ExchangeFailure("NO_ANSWER"));
    });
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
