/** A registry of blobs that goes down and comes back at the same address. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { sha256 } from "../layout-project.ts";
import { whenTestEnds } from "../test-end.ts";

export interface BlobRequest {
  readonly digest: string;
  /** Of the request, such as `bytes=100-`. */
  readonly range: string | undefined;
}

export interface InterruptedRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** GET requests of blobs, in their order. */
  readonly requests: BlobRequest[];
  /** Bytes of blobs that were sent. */
  readonly sentBytes: () => number;
  readonly goDown: () => void;
  /** Comes back for good. */
  readonly comeBack: () => Promise<void>;
}

/**
 * Serves blobs under any repository.
 *
 * @param healthyBlobs Blobs that are sent whole. The next one is cut off in its middle, and the registry goes down.
 */
export async function startInterruptedRegistry(
  contents: readonly Buffer[],
  healthyBlobs = Number.POSITIVE_INFINITY,
): Promise<InterruptedRegistry> {
  const byDigest = new Map(contents.map((content) => [sha256(content), content] as const));
  const requests: BlobRequest[] = [];
  let blobsLeft = healthyBlobs;
  let sentBytes = 0;
  let isDown = false;
  const server = createServer((request, response) => answer(request, response));
  const goDown = (): void => {
    isDown = true;
    server.close();
    server.closeAllConnections();
  };
  function answer(request: IncomingMessage, response: ServerResponse): void {
    const digest = request.url?.split("/").at(-1) ?? "";
    const content = byDigest.get(digest);
    if (content === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { range } = request.headers;
    requests.push({ digest, range });
    const [, from, to] = /^bytes=([0-9]+)-([0-9]*)$/.exec(range ?? "") ?? [];
    const start = Number(from ?? 0);
    const end = to === undefined || to === "" ? content.length : Number(to) + 1;
    if (range !== undefined) {
      response.statusCode = 206;
      response.setHeader("content-range", `bytes ${start}-${end - 1}/${content.length}`);
    }
    response.setHeader("content-length", end - start);
    const send = (until: number, after: () => void): void => {
      sentBytes += until - start;
      response.write(content.subarray(start, until), after);
    };
    if (blobsLeft > 0) {
      blobsLeft -= 1;
      send(end, () => response.end());
    } else {
      // Time for the client to read what was sent: a reset drops what a socket still holds.
      send(start + Math.floor((end - start) / 2), () => setTimeout(goDown, 500));
    }
  }
  const listen = (port: number): Promise<void> => new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  await listen(0);
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server has no address");
  const { port } = address;
  whenTestEnds(() => {
    if (!isDown) goDown();
  });
  return {
    host: `127.0.0.1:${port}`,
    requests,
    sentBytes: () => sentBytes,
    goDown,
    comeBack: async () => {
      isDown = false;
      blobsLeft = Number.POSITIVE_INFINITY;
      await listen(port);
    },
  };
}
