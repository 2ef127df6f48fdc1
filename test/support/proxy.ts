/** A forward proxy that may want a login: tunnels by CONNECT, and passes plain requests on. */
import { readFileSync } from "node:fs";
import { createServer, request as httpRequest, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { connect } from "node:net";
import type { SignedCertificate } from "./private-ca.ts";

export interface ForwardProxy {
  /** `HOST:PORT` */
  readonly host: string;
  /** Targets of tunnels (`HOST:PORT`) and plain requests (URLs) that were let through. */
  readonly passed: readonly string[];
  readonly close: () => void;
}

export interface ForwardProxyOptions {
  /** `HOST:PORT` that no name service knows → where it is: the proxy looks names up, and not whoever asks it. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** It is talked to over TLS itself. */
  readonly tls?: SignedCertificate;
}

/** @param login `user:password` that it wants; undefined lets everybody through. */
export async function startForwardProxy(
  login: string | undefined,
  { hosts = {}, tls }: ForwardProxyOptions = {},
): Promise<ForwardProxy> {
  const passed: string[] = [];
  const wanted = login === undefined ? undefined : `Basic ${Buffer.from(login).toString("base64")}`;
  const mayPass = ({ headers }: IncomingMessage): boolean =>
    wanted === undefined || headers["proxy-authorization"] === wanted;
  const onRequest: RequestListener = (request, response) => {
    if (!mayPass(request)) {
      response.writeHead(407, { "proxy-authenticate": 'Basic realm="proxy"' }).end();
      return;
    }
    passed.push(request.url ?? "");
    const { "proxy-authorization": _, "proxy-connection": __, ...headers } = request.headers;
    const url = new URL(request.url ?? "");
    url.host = hosts[url.host] ?? url.host;
    const onward = httpRequest(url, { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  };
  const server =
    tls === undefined
      ? createServer(onRequest)
      : createSecureServer({ cert: readFileSync(tls.certificate), key: readFileSync(tls.key) }, onRequest);
  server.on("connect", (request, socket, head) => {
    socket.on("error", () => {});
    if (!mayPass(request)) {
      // With what might lure a client into showing its login of the registry.
      const lure = 'WWW-Authenticate: Bearer realm="http://127.0.0.1:9/token"\r\nWWW-Authenticate: Basic realm="x"\r\n';
      socket.end(`HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n${lure}\r\n`);
      return;
    }
    passed.push(request.url ?? "");
    const target = request.url ?? "";
    const [host = "", port = ""] = (hosts[target] ?? target).split(":");
    const onward = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    onward.on("error", () => socket.destroy());
    socket.on("close", () => onward.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { host: `127.0.0.1:${port}`, passed, close };
}
