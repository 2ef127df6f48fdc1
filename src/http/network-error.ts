/** Translation of network errors into errors that name the host, the reason and the next step. */
import { OrasClientError, RegistryUnavailableError } from "../errors.ts";
import { tlsFailure, tlsHint } from "./tls-failure.ts";

interface Reason {
  readonly what: string;
  /** `HOST` stands for the host: it need not be a registry. */
  readonly hint: string;
}

const overloaded = "try again; HOST or the network may be overloaded";

const reasonOfCode: Readonly<Record<string, Reason>> = {
  ENOTFOUND: { what: "host name unknown", hint: "check the spelling of HOST, and the network" },
  EAI_AGAIN: { what: "name lookup failed", hint: "check the network and the DNS settings" },
  ECONNREFUSED: { what: "connection refused", hint: "check that HOST runs, and its port" },
  ECONNRESET: { what: "connection reset", hint: "try again; a proxy or firewall may have cut the connection" },
  EPIPE: { what: "connection closed", hint: "try again; a proxy or firewall may have cut the connection" },
  CONNECT_TIMEOUT: { what: "no connection in time", hint: "check the network, and whether a proxy is needed" },
  ETIMEDOUT: { what: "no connection in time", hint: "check the network, and whether a proxy is needed" },
  HEADERS_TIMEOUT: { what: "no answer in time", hint: overloaded },
  NO_ANSWER: {
    what: "no answer to the request",
    hint: "check that HOST is the right address; else tell the operator of the server or its proxy",
  },
  IDLE_TIMEOUT: { what: "the transfer stalled", hint: overloaded },
  ENETUNREACH: { what: "network unreachable", hint: "check the network" },
  EHOSTUNREACH: { what: "host unreachable", hint: "check the network and the address of HOST" },
};

/** Codes of Node's HTTP parser. */
const notHttp: Reason = {
  what: "the answer is not HTTP",
  hint: "check the address and its port; else tell the operator of the server or its proxy",
};

/** Codes of a server with TLS that gets a request without TLS: most servers only close the connection. */
const closings: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE"]);

/** True for a TLS alert in place of an answer. @see RFC 8446, section 5.1: content type 21 */
function isTlsAlert(error: unknown): boolean {
  return (
    error instanceof Error && "rawPacket" in error && Buffer.isBuffer(error.rawPacket) && error.rawPacket[0] === 21
  );
}

function reasonOf(code: string, url: URL, error: unknown): Reason | undefined {
  if (url.protocol === "http:" && isTlsAlert(error)) return { what: "the server speaks TLS", hint: tlsHint };
  if (url.protocol === "http:" && closings.has(code)) {
    return {
      what: reasonOfCode[code]?.what ?? code,
      hint: `try again; if the server speaks TLS, ${tlsHint}; else a proxy or firewall may have cut the connection`,
    };
  }
  if (code === "HPE_HEADER_OVERFLOW") return { what: "the answer's headers are over 64 KiB", hint: notHttp.hint };
  return code.startsWith("HPE_") ? notHttp : reasonOfCode[code];
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return "code" in error && typeof error.code === "string" ? error.code : codeOf(error.cause);
}

/** True if a retry would fail in the same way: an unknown host, or an untrusted certificate. */
export function isLasting({ cause }: OrasClientError): boolean {
  const code = codeOf(cause) ?? "";
  return (
    code === "ENOTFOUND" ||
    code === "NO_ANSWER" ||
    code.startsWith("HPE_") ||
    tlsFailure(code, cause)?.isLasting === true
  );
}

/**
 * @param error Node's error; an `OrasClientError` passes through unchanged.
 * @param proxyHost Host of the proxy in use, if any.
 */
export function networkError(url: URL, error: unknown, proxyHost?: string): OrasClientError {
  if (error instanceof OrasClientError) return error;
  const code = codeOf(error) ?? "";
  const message = error instanceof Error ? error.message : String(error);
  const tls = tlsFailure(code, error);
  const reason = tls === undefined ? reasonOf(code, url, error) : { what: `TLS failed: ${tls.what}`, hint: tls.hint };
  return new RegistryUnavailableError(
    "REGISTRY_UNAVAILABLE",
    `cannot talk to ${url.host}${proxyHost === undefined ? "" : ` through the proxy ${proxyHost}`}: ${reason?.what ?? message}`,
    {
      cause: error,
      hint:
        proxyHost === undefined || tls !== undefined
          ? (reason?.hint ?? "check the network and the address of HOST, then try again").replaceAll("HOST", url.host)
          : "check HTTPS_PROXY and that the proxy runs; hosts in NO_PROXY bypass the proxy",
    },
  );
}
