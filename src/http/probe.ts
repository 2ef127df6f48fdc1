/** Diagnosis of a connection to a host, step by step; not used for transfers. */
import { lookup } from "node:dns/promises";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { proxyRefused } from "./exchange.ts";
import { type Route, Transports } from "./transport.ts";

/** Resolves the host's addresses, in the order of connection attempts. @throws Node's error */
export async function addressesOf(url: URL): Promise<readonly string[]> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

export interface Connection {
  /** Undefined without TLS. */
  readonly tls: { readonly protocol: string; readonly issuer: string; readonly validTo: Date } | undefined;
}

/**
 * Connects like a request, through the proxy's tunnel if any, then closes the connection without a request.
 *
 * @throws Node's error
 * @throws {RegistryUnavailableError} `PROXY_REFUSED`
 */
export async function connectTo(url: URL, route: Route, timeoutMs: number, signal: AbortSignal): Promise<Connection> {
  const transports = new Transports(() => Promise.resolve(route));
  const transport = await transports.to(url);
  try {
    return await new Promise<Connection>((resolve, reject) => {
      const sent = transport.request(url, { method: "HEAD", agent: transport.agent, signal }, () => {});
      const timer = setTimeout(
        () => sent.destroy(Object.assign(new Error("no answer in time"), { code: "CONNECT_TIMEOUT" })),
        timeoutMs,
      );
      sent.once("close", () => clearTimeout(timer));
      sent.once("error", reject);
      sent.once("proxyConnect", ({ statusCode }: { readonly statusCode: number }) => {
        if (statusCode !== 200) sent.destroy(proxyRefused(transport.proxyHost ?? "", statusCode, url));
      });
      sent.once("socket", (socket: Socket) => {
        const isSecure = url.protocol === "https:";
        const onConnected = (): void => {
          resolve({ tls: "getPeerCertificate" in socket ? certificateOf(socket as TLSSocket) : undefined });
          sent.destroy();
        };
        socket.once(isSecure ? "secureConnect" : "connect", onConnected);
      });
    });
  } finally {
    transports.close();
  }
}

function certificateOf(socket: TLSSocket): Connection["tls"] {
  const { issuer, valid_to: validTo } = socket.getPeerCertificate();
  return {
    protocol: socket.getProtocol() ?? "unknown",
    issuer: [issuer.O, issuer.CN].flat().filter(Boolean).join(", "),
    validTo: new Date(validTo),
  };
}
