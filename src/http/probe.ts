/** What a connection to a host looks like from here, one step at a time: for people, not for transfers. */
import { lookup } from "node:dns/promises";
import type { Route } from "./transport.ts";

/** Addresses of a host name, in the order in which they are tried. */
export async function addressesOf(url: URL): Promise<readonly string[]> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

export interface Connection {
  /** Undefined without TLS. */
  readonly tls: { readonly protocol: string; readonly issuer: string; readonly validTo: Date } | undefined;
}

/** Connects as a request would, without a proxy, and closes again. */
export async function connectTo(url: URL, route: Route, timeoutMs: number, signal: AbortSignal): Promise<Connection> {
  const isSecure = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port || (isSecure ? 443 : 80));
  const [net, tls] = await Promise.all([import("node:net"), import("node:tls")]);
  const { ca, cert, key } = route.tls;
  const identity = { ...(ca && { ca: [...ca] }), ...(cert && { cert }), ...(key && { key }) };
  return await new Promise((resolve, reject) => {
    const secure = isSecure
      ? tls.connect({ host, port, ...(net.isIP(host) === 0 && { servername: host }), ...identity })
      : undefined;
    const socket = secure ?? net.connect({ host, port });
    const end = (): void => void socket.destroy();
    signal.addEventListener("abort", end, { once: true });
    socket.setTimeout(timeoutMs, () =>
      socket.destroy(Object.assign(new Error("no answer in time"), { code: "CONNECT_TIMEOUT" })),
    );
    socket.once("error", reject);
    socket.once("close", () => {
      signal.removeEventListener("abort", end);
      reject(signal.reason ?? new Error("closed"));
    });
    socket.once(isSecure ? "secureConnect" : "connect", () => {
      const certificate = secure?.getPeerCertificate();
      resolve({
        tls:
          secure === undefined || certificate === undefined
            ? undefined
            : {
                protocol: secure.getProtocol() ?? "unknown",
                issuer: [certificate.issuer.O, certificate.issuer.CN].flat().filter(Boolean).join(", "),
                validTo: new Date(certificate.valid_to),
              },
      });
      end();
    });
  });
}
