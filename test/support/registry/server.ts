/** A loopback HTTP server that answers as a test says and remembers what it was asked. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { whenTestEnds } from "../test-end.ts";

export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** Of the body's bytes, in hex. */
  readonly sha256: string;
}

export interface TestServer {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly seen: SeenRequest[];
}

export type Handler = (request: SeenRequest, response: ServerResponse, server: TestServer) => void;

/** Answers before the body was read; false leaves it to the handler. */
export type EarlyHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Closed when the test ends. */
export async function startServer(handler: Handler, early: EarlyHandler = () => false): Promise<TestServer> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    if (early(request, response)) return;
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const bytes = Buffer.concat(chunks);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      const one = { method, url, headers, body: bytes.toString(), sha256 };
      seen.push(one);
      handler(one, response, started);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  whenTestEnds(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server has no address");
  const started: TestServer = { host: `127.0.0.1:${address.port}`, seen };
  return started;
}
