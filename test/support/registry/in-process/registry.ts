/**
 * An OCI registry in this process: in memory, over real sockets, with any fault that somebody asks for.
 *
 * It passes the distribution spec's conformance suite (`test/conformance.test.ts`), so what a test sees is what registries do.
 */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { Manner, RegistryRequest, Reply } from "./exchange.ts";
import type { Fault } from "./faults/fault.ts";
import { answer } from "./spec.ts";
import { Storage } from "./storage.ts";

export interface SeenExchange {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: RegistryRequest["headers"];
  /** 0: the request was cut off. */
  readonly status: number;
  /** Of the body; counted when the connection is done with. */
  readonly sentBytes: number;
  /** Of the request's body. */
  readonly receivedBytes: number;
}

export interface InProcessRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly storage: Storage;
  readonly seen: readonly SeenExchange[];
  /** Exchanges of blob reads. */
  readonly blobReads: () => readonly SeenExchange[];
  /** How many reads of blobs were answered at the same time, at most. */
  readonly mostBlobReadsAtOnce: () => number;
  /** So far. */
  readonly connections: () => number;
  /** The registry itself, to be served at another socket, such as one with TLS. */
  readonly listener: RequestListener;
  readonly close: () => void;
}

/** Cut off after `maxBytes`, its connection is gone. */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<{ body: Buffer; isCut: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size < maxBytes) continue;
    request.socket.destroy();
    return { body: Buffer.concat(chunks), isCut: true };
  }
  return { body: Buffer.concat(chunks), isCut: false };
}

/** Long enough for a client on a busy machine to read what was sent: what it has not read when the connection breaks is lost to it. */
const beforeCutMs = 500;

function send(response: ServerResponse, request: RegistryRequest, { status, headers, body, manner = {} }: Reply): void {
  const { cutAfterBytes, stallAfterBytes, bytesPerSecond, isUnsized = false } = manner;
  if (cutAfterBytes === -1) return void response.destroy();
  const length: Record<string, string> = isUnsized
    ? { connection: "close" }
    : { "content-length": String(body.length) };
  if (isUnsized) response.chunkedEncoding = false;
  response.writeHead(status, status === 204 ? headers : { ...length, ...headers });
  if (request.method === "HEAD") return void response.end();
  const limit = Math.min(cutAfterBytes ?? body.length, stallAfterBytes ?? body.length);
  void write(response, body.subarray(0, limit), bytesPerSecond, limit >= body.length).then(() => {
    if (limit < body.length && cutAfterBytes !== undefined) setTimeout(() => response.destroy(), beforeCutMs);
  });
}

const sliceMs = 10;

/** @param isAll Nothing follows. */
async function write(
  response: ServerResponse,
  bytes: Buffer,
  bytesPerSecond: number | undefined,
  isAll: boolean,
): Promise<void> {
  const sliceBytes = bytesPerSecond === undefined ? bytes.length : Math.ceil((bytesPerSecond * sliceMs) / 1000);
  let start = 0;
  for (; start + sliceBytes < bytes.length && !response.destroyed; start += sliceBytes) {
    response.write(bytes.subarray(start, start + sliceBytes));
    await new Promise((resolve) => setTimeout(resolve, sliceMs));
  }
  const last = bytes.subarray(start);
  if (isAll) response.end(last);
  else await new Promise<void>((resolve) => response.write(last, () => resolve()));
}

function delay({ delayMs = 0 }: Manner): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/** @param faults The first one stands outermost: it sees a request first, and a reply as all others made it. */
export async function startInProcessRegistry(...faults: readonly Fault[]): Promise<InProcessRegistry> {
  const storage = new Storage();
  const seen: SeenExchange[] = [];
  let host = "";
  const atOnce = { now: 0, most: 0 };
  let connections = 0;

  const serve = async (raw: IncomingMessage, response: ServerResponse): Promise<void> => {
    const headers = Object.fromEntries(Object.entries(raw.headers).map(([name, value]) => [name, String(value)]));
    const url = new URL(raw.url ?? "/", `http://${host}`);
    const method = raw.method ?? "GET";
    const head = { method, url, headers };
    const cutting = faults.find(({ requestCut }) => requestCut?.after(head) !== undefined)?.requestCut;
    const { body, isCut } = await readBody(raw, cutting?.after(head) ?? Number.POSITIVE_INFINITY);
    const path = url.pathname + url.search;
    const receivedBytes = body.length;
    if (isCut) {
      cutting?.done(head);
      return void seen.push({ method, path, headers, status: 0, sentBytes: 0, receivedBytes });
    }
    const request = { ...head, body };
    const respond = faults.reduceRight<() => Reply>(
      (next, fault) => () => fault(request, next, { host }),
      () => answer(request, storage),
    );
    const reply = respond();
    const { socket } = response;
    const before = socket?.bytesWritten ?? 0;
    const entry = { method, path, headers, status: reply.status, sentBytes: 0, receivedBytes };
    seen.push(entry);
    if (isBlobRead(entry)) {
      atOnce.now += 1;
      atOnce.most = Math.max(atOnce.most, atOnce.now);
      const end = (): void => {
        atOnce.now -= 1;
        response.off("finish", end).off("close", end);
      };
      response.once("finish", end).once("close", end);
    }
    response.once("close", () => {
      // Without the head, whose length does not matter.
      entry.sentBytes = Math.max(0, Math.min((socket?.bytesWritten ?? 0) - before, limitOf(reply)));
    });
    if (reply.manner?.delayMs !== undefined) await delay(reply.manner);
    await reply.manner?.until;
    send(response, request, reply);
  };
  const listener: RequestListener = (request, response) =>
    void serve(request, response).catch(() => response.destroy());
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the registry has no address");
  host = `127.0.0.1:${address.port}`;
  server.on("connection", () => {
    connections += 1;
  });
  return {
    host,
    storage,
    seen,
    blobReads: () => seen.filter(isBlobRead),
    mostBlobReadsAtOnce: () => atOnce.most,
    connections: () => connections,
    listener,
    close,
  };
}

function isBlobRead({ method, path }: SeenExchange): boolean {
  return method === "GET" && /\/blobs\/sha/.test(path);
}

function limitOf({ body, manner = {} }: Reply): number {
  const { cutAfterBytes, stallAfterBytes } = manner;
  return Math.max(0, Math.min(cutAfterBytes ?? body.length, stallAfterBytes ?? body.length));
}
