/** A server over TLS, with a certificate of a private authority, at a name that is not loopback's. */
import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import { aliasesOfLoopback } from "./hosts-alias.ts";
import type { SignedCertificate } from "./private-ca.ts";
import { whenTestEnds } from "./test-end.ts";

export interface TlsServer {
  /** `NAME:PORT` */
  readonly host: string;
  /** `127.0.0.1:PORT`: where it is for a proxy that knows the name. */
  readonly address: string;
  /** With these variables the name is known. */
  readonly env: Readonly<Record<string, string>>;
}

export interface TlsServerOptions {
  readonly name: string;
  readonly certificate: SignedCertificate;
  /** Path of the authority that clients have to have a certificate of; undefined: they need none. */
  readonly clientsOf?: string;
}

/** Closed when the test ends. */
export async function startTlsServer(options: TlsServerOptions, listener: RequestListener): Promise<TlsServer> {
  const { name, certificate, clientsOf } = options;
  const identity = { cert: readFileSync(certificate.certificate), key: readFileSync(certificate.key) };
  const isMutual = clientsOf !== undefined;
  const clients = isMutual ? { ca: readFileSync(clientsOf), requestCert: true, rejectUnauthorized: true } : {};
  const server = createServer({ ...identity, ...clients }, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  whenTestEnds(() => {
    server.closeAllConnections();
    server.close();
  });
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return { host: `${name}:${port}`, address: `127.0.0.1:${port}`, env: aliasesOfLoopback(name) };
}
