/** A server that writes whatever a test wants in place of an answer. */
import { createServer, type Socket } from "node:net";
import { whenTestEnds } from "./test-end.ts";

export interface RawServer {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Heads of the requests that came, of each one its first line. */
  readonly seen: readonly string[];
}

/** @param answer Called for each request, with its head. */
export type RawAnswer = (socket: Socket, head: string) => void;

/** Closed when the test ends. */
export async function startRawServer(answer: RawAnswer): Promise<RawServer> {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    socket.on("data", (data) => {
      const head = data.toString("latin1");
      seen.push(head.split("\r\n", 1)[0] ?? "");
      answer(socket, head);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  whenTestEnds(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { host: `127.0.0.1:${port}`, seen };
}

/** Writes `text` again and again, for as long as somebody listens. */
export function every(delayMs: number, socket: Socket, text: string | (() => string)): void {
  const timer = setInterval(() => socket.write(typeof text === "string" ? text : text(), "latin1"), delayMs);
  socket.on("close", () => clearInterval(timer));
}
