/** Errors of the network, as errors that name the host, the reason and the next step. */
import { OrasClientError, RegistryUnavailableError } from "../errors.ts";
import { tlsFailure } from "./tls-failure.ts";

interface Reason {
  readonly what: string;
  readonly hint: string;
}

const reasonOfCode: Readonly<Record<string, Reason>> = {
  ENOTFOUND: { what: "host name unknown", hint: "check the spelling of the registry and the network" },
  EAI_AGAIN: { what: "name lookup failed", hint: "check the network and the DNS settings" },
  ECONNREFUSED: { what: "connection refused", hint: "check that the registry runs, and its port" },
  ECONNRESET: { what: "connection reset", hint: "try again; a proxy or firewall may have cut the connection" },
  EPIPE: { what: "connection closed", hint: "try again; a proxy or firewall may have cut the connection" },
  CONNECT_TIMEOUT: { what: "no connection in time", hint: "check the network, and whether a proxy is needed" },
  ETIMEDOUT: { what: "no connection in time", hint: "check the network, and whether a proxy is needed" },
  HEADERS_TIMEOUT: { what: "no answer in time", hint: "the registry or the network is overloaded: try again" },
  NO_ANSWER: {
    what: "it does not answer the request",
    hint: "what stands at this address is no registry, or a proxy before it is set up wrongly: tell who runs it",
  },
  IDLE_TIMEOUT: { what: "the transfer stalled", hint: "the registry or the network is overloaded: try again" },
  ENETUNREACH: { what: "network unreachable", hint: "check the network" },
  EHOSTUNREACH: { what: "host unreachable", hint: "check the network and the registry's address" },
};

/** Codes of Node's HTTP parser. */
const notHttp: Reason = {
  what: "it answers with something that is no HTTP",
  hint: "check the address and its port; else tell who runs the server, or the proxy before it",
};

function reasonOf(code: string): Reason | undefined {
  if (code === "HPE_HEADER_OVERFLOW") return { what: "its answer has more headers than are read", hint: notHttp.hint };
  return code.startsWith("HPE_") ? notHttp : reasonOfCode[code];
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return "code" in error && typeof error.code === "string" ? error.code : codeOf(error.cause);
}

/** True where another try would end in the same way: no such host, a certificate that cannot be believed. */
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
 * @param error As Node threw it; errors of ours pass through unchanged.
 * @param proxyHost What stands between, if anything does.
 */
export function networkError(url: URL, error: unknown, proxyHost?: string): OrasClientError {
  if (error instanceof OrasClientError) return error;
  const code = codeOf(error) ?? "";
  const message = error instanceof Error ? error.message : String(error);
  const tls = tlsFailure(code, error);
  const reason = tls === undefined ? reasonOf(code) : { what: `TLS failed: ${tls.what}`, hint: tls.hint };
  return new RegistryUnavailableError(
    "REGISTRY_UNAVAILABLE",
    `cannot talk to ${url.host}${proxyHost === undefined ? "" : ` through the proxy ${proxyHost}`}: ${reason?.what ?? message}`,
    {
      cause: error,
      hint:
        proxyHost === undefined || tls !== undefined
          ? (reason?.hint ?? "check the network and the registry's address, then try again")
          : "check HTTPS_PROXY and that the proxy runs; hosts in NO_PROXY are reached without it",
    },
  );
}
