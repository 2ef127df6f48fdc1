/**
 * Transport per origin: with or without TLS, direct or through a proxy. Connections are kept alive and reused.
 *
 * Node's client is used instead of undici: undici compiles its parser from WebAssembly at the first request, which took
 * half of a cold pull (figures in docs/architecture.md). Modules are loaded on first use: TLS alone costs 10 ms.
 */
import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import type { RequestOptions } from "node:https";
import type { OnReadOpts, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { PeerCertificate } from "node:tls";

/** The client certificate for one host, and the trusted authorities. All values are PEM texts. */
export interface TlsIdentity {
  /** All trusted authorities; undefined for Node's defaults. */
  readonly ca: readonly string[] | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export interface ProxyRoute {
  /** Without user and password. */
  readonly url: URL;
  /** Value of `Proxy-Authorization`. */
  readonly authorization: string | undefined;
}

/** The configured route to one origin. */
export interface Route {
  readonly tls: TlsIdentity;
  readonly proxy: ProxyRoute | undefined;
}

export const directRoute: Route = { tls: { ca: undefined, cert: undefined, key: undefined }, proxy: undefined };

export interface Transport {
  readonly agent: Agent;
  /** Names the proxy in messages. */
  readonly proxyHost: string | undefined;
  readonly request: (
    url: URL,
    options: RequestOptions,
    onResponse: (response: IncomingMessage) => void,
  ) => ClientRequest;
}

/**
 * An idle connection is closed after this time, as undici does. Firewalls forget idle connections without a word, and a
 * request on such a connection would wait for the idle timeout: in a worker, minutes lie between two pulls.
 */
const maxIdleMs = 4000;

/** The agent with a limit for idle connections. Its own option `timeout` would also limit the time to connect. */
function closingIdle<A extends Agent>(agent: A): A {
  const keep: (socket: Duplex) => unknown = agent.keepSocketAlive.bind(agent);
  agent.keepSocketAlive = (socket) => {
    const isKept = keep(socket);
    // The agent closes a free socket at this event, and the next request sets a timeout of its own.
    (socket as Socket).setTimeout(maxIdleMs);
    return isKept as undefined;
  };
  return agent;
}

/** Closes all idle connections of the transport. */
export function closeIdle({ agent }: Pick<Transport, "agent">): void {
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}

function tlsOptions({ ca, cert, key }: TlsIdentity): { ca?: string[]; cert?: string; key?: string } {
  return {
    ...(ca === undefined ? {} : { ca: [...ca] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/** The authorities apply also to a proxy with TLS; the client certificate is for the registry alone. */
function authoritiesOf(tls: TlsIdentity): { ca?: string[] } {
  return tlsOptions({ ...tls, cert: undefined, key: undefined });
}

function proxyHeaders(proxy: ProxyRoute): Record<string, string> {
  return proxy.authorization === undefined ? {} : { "Proxy-Authorization": proxy.authorization };
}

/** Bytes of one read: 64 KiB, the default, cost more calls; 1 MiB more memory. */
const readBytes = 256 * 1024;

/**
 * All sockets read into one buffer, whose bytes the HTTP parser copies before the next read. By default, each read would
 * allocate a buffer of its own, only for the parser to copy; the garbage collector took half of a transfer's time.
 *
 * @see https://nodejs.org/api/net.html, `socket.connect()`, option `onread`
 */
function intoOneBuffer(): { readonly onread: OnReadOpts } {
  return {
    onread: {
      buffer: Buffer.allocUnsafeSlow(readBytes),
      callback(this: Socket, size: number, buffer: Uint8Array): boolean {
        // The HTTP client listens to this event alone.
        this.emit("data", buffer.subarray(0, size));
        return true;
      },
    },
  };
}

async function plainTransport({ proxy, tls }: Route): Promise<Transport> {
  const { Agent, request } = await import("node:http");
  if (proxy === undefined)
    return { agent: closingIdle(new Agent({ keepAlive: true, ...intoOneBuffer() })), proxyHost: undefined, request };
  const { HttpProxyAgent } = await import("http-proxy-agent");
  const options = { keepAlive: true, headers: proxyHeaders(proxy), ...authoritiesOf(tls) };
  const agent = closingIdle(new HttpProxyAgent(proxy.url, options));
  return { agent, proxyHost: proxy.url.host, request };
}

async function secureTransport({ proxy, tls }: Route): Promise<Transport> {
  const { Agent, request } = await import("node:https");
  const identity = tlsOptions(tls);
  if (proxy === undefined) {
    const agent = closingIdle(new Agent({ keepAlive: true, ...identity, ...intoOneBuffer() }));
    return { agent, proxyHost: undefined, request };
  }
  const [{ HttpsProxyAgent }, { checkServerIdentity }] = await Promise.all([
    import("https-proxy-agent"),
    import("node:tls"),
  ]);
  const options = { keepAlive: true, headers: proxyHeaders(proxy), ...authoritiesOf(tls) };
  return {
    agent: closingIdle(new HttpsProxyAgent(proxy.url, options)),
    proxyHost: proxy.url.host,
    request: (url, own, onResponse) => {
      const host = url.hostname.replace(/^\[|\]$/g, "");
      // The agent drops a host that is an IP address; the certificate would be compared with `localhost`.
      const check = (_: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate);
      return request(url, { ...own, ...identity, checkServerIdentity: check }, onResponse);
    },
  };
}

/** The transports of a process, one per origin. */
export class Transports {
  readonly #byOrigin = new Map<string, Promise<Transport>>();
  readonly #routeTo: (url: URL) => Promise<Route>;

  constructor(routeTo: (url: URL) => Promise<Route>) {
    this.#routeTo = routeTo;
  }

  to(url: URL): Promise<Transport> {
    let transport = this.#byOrigin.get(url.origin);
    if (transport === undefined) {
      const isSecure = url.protocol === "https:";
      transport = this.#routeTo(url).then((route) => (isSecure ? secureTransport(route) : plainTransport(route)));
      this.#byOrigin.set(url.origin, transport);
    }
    return transport;
  }

  close(): void {
    // A transport that failed to load has nothing to close.
    for (const transport of this.#byOrigin.values()) transport.then(({ agent }) => agent.destroy()).catch(() => {});
  }
}
