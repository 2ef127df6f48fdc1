/**
 * A persistent worker of Buck2: a gRPC server with one unary method on a Unix socket, which answers until it is stopped.
 *
 * @see docs/rule_authors/persistent_workers.md of Buck2
 * @see gRPC over HTTP2 (grpc/doc/PROTOCOL-HTTP2.md)
 */
import { createServer, type ServerHttp2Stream } from "node:http2";
import { InterruptedError, localIoError } from "../errors.ts";
import { anySignal } from "../parallel.ts";
import { readCommand, type WorkerResponse, writeResponse } from "./messages.ts";
import { closeSocketFolder } from "./socket-folder.ts";

export interface WorkerPlace {
  /** Absolute path, in a folder that Buck2 made for this worker. */
  readonly socketPath: string;
  readonly userId: number;
  /** Ends the worker. */
  readonly signal: AbortSignal;
}

/**
 * Answers one request.
 *
 * @param signal Aborted when the caller gave up, or the worker ends.
 */
export type Answer = (argv: readonly string[], signal: AbortSignal) => Promise<WorkerResponse>;

const method = "/worker.Worker/Execute";
/** Codes of gRPC (grpc/doc/statuscodes.md). */
const grpcStatus = {
  ok: "0",
  invalidArgument: "3",
  resourceExhausted: "8",
  unimplemented: "12",
  internal: "13",
} as const;
type GrpcStatus = (typeof grpcStatus)[keyof typeof grpcStatus];

/** A request holds a reference and a few paths. */
const maxRequestBytes = 1024 * 1024;
/** Buck2 keeps its connection until the end of the build. A worker without one outlived its Buck2. */
const aloneMs = 60_000;
/** At the end, for the last answers: a client may leave them unread. */
const partingMs = 5000;

const opening = { ":status": 200, "content-type": "application/grpc+proto" } as const;

function refuse(stream: ServerHttp2Stream, status: GrpcStatus): void {
  if (stream.destroyed) return;
  stream.respond({ ...opening, "grpc-status": status }, { endStream: true });
}

function reply(stream: ServerHttp2Stream, body: Buffer): void {
  if (stream.destroyed) return;
  stream.respond(opening, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": grpcStatus.ok }));
  stream.end(body);
}

/** The body; undefined if it is too long. @throws an error of Node if the connection breaks, or at the end */
async function readBody(stream: ServerHttp2Stream, end: AbortSignal): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  const giveUp = (): void => void stream.destroy();
  if (end.aborted) giveUp();
  end.addEventListener("abort", giveUp);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      // Read to its end: a stream that is left early gets no answer.
      if (size <= maxRequestBytes) chunks.push(chunk);
    }
  } finally {
    end.removeEventListener("abort", giveUp);
  }
  return size > maxRequestBytes ? undefined : Buffer.concat(chunks);
}

async function serve(
  stream: ServerHttp2Stream,
  path: string | undefined,
  answer: Answer,
  end: AbortSignal,
): Promise<void> {
  if (path !== method) return refuse(stream, grpcStatus.unimplemented);
  const body = await readBody(stream, end);
  if (body === undefined) return refuse(stream, grpcStatus.resourceExhausted);
  let argv: readonly string[];
  try {
    argv = readCommand(body);
  } catch {
    return refuse(stream, grpcStatus.invalidArgument);
  }
  const dropped = new AbortController();
  stream.once("close", () => dropped.abort(new InterruptedError("INTERRUPTED", "Buck2 gave the request up")));
  try {
    reply(stream, writeResponse(await answer(argv, AbortSignal.any([dropped.signal, end]))));
  } catch {
    refuse(stream, grpcStatus.internal);
  }
}

/**
 * Serves until the signal, or until no client was connected for a minute.
 *
 * @throws {LocalIoError} the socket cannot be made, or would not be this user's alone
 */
export async function serveWorker({ socketPath, userId, signal }: WorkerPlace, answer: Answer): Promise<void> {
  await closeSocketFolder(socketPath, userId);
  const ending = new AbortController();
  const end = anySignal(signal, ending.signal);
  const underWay = new Set<Promise<void>>();
  const server = createServer();
  let clients = 0;
  let alone: NodeJS.Timeout | undefined;
  const expectClient = (): void => {
    alone = setTimeout(() => ending.abort(new InterruptedError("INTERRUPTED", "no client is left")), aloneMs);
  };
  server.on("session", (session) => {
    clients += 1;
    clearTimeout(alone);
    session.on("error", () => {});
    session.once("close", () => {
      clients -= 1;
      if (clients === 0 && !end.aborted) expectClient();
    });
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    const closed = new Promise<void>((resolve) => stream.once("close", resolve));
    const serving = serve(stream, headers[":path"], answer, end)
      .catch(() => void stream.destroy())
      .then(() => closed);
    underWay.add(serving);
    void serving.finally(() => underWay.delete(serving));
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", (cause) => reject(localIoError(`make the socket ${socketPath}`, cause)));
      server.listen(socketPath, resolve);
    });
    expectClient();
    if (!end.aborted) await new Promise((resolve) => end.addEventListener("abort", resolve, { once: true }));
    const parting = new Promise((resolve) => setTimeout(resolve, partingMs).unref());
    await Promise.race([Promise.all(underWay), parting]);
  } finally {
    clearTimeout(alone);
    server.close();
  }
}
