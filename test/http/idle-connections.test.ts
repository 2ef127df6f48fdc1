/** Connections that were used before, and that the server or a firewall gave up while they were idle. */
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { describe, expect, test } from "vitest";
import type { HttpClient, HttpRequest } from "../../src/http/client.ts";
import { noRetry } from "../../src/http/retry.ts";
import { noSignal } from "../support/context.ts";
import { testHttpClient } from "../support/http-client.ts";
import { whenTestEnds } from "../support/test-end.ts";

type OldConnection = "answers" | "reset" | "silent";

interface Setting {
  readonly url: URL;
  /** Method of each request, and whether its connection was new. */
  readonly seen: readonly (readonly [method: string, isNew: boolean])[];
  readonly sockets: ReadonlySet<Socket>;
  /** What a connection does that had a request before. */
  old: OldConnection;
}

async function server(): Promise<Setting> {
  const seen: [string, boolean][] = [];
  const sockets = new Set<Socket>();
  const used = new WeakSet<Socket>();
  const listening: Server = createServer((request, response) => {
    const isNew = !used.has(request.socket);
    used.add(request.socket);
    seen.push([request.method ?? "", isNew]);
    if (isNew || setting.old === "answers") setTimeout(() => response.end("answer"), 50);
    else if (setting.old === "reset") request.socket.resetAndDestroy();
  });
  listening.keepAliveTimeout = 0;
  listening.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  whenTestEnds(() => {
    listening.closeAllConnections();
    listening.close();
  });
  const { port } = listening.address() as AddressInfo;
  const setting: Setting = { url: new URL(`http://127.0.0.1:${port}/`), seen, sockets, old: "answers" };
  return setting;
}

async function ask(http: HttpClient, url: URL, changes: Partial<HttpRequest> = {}): Promise<string> {
  const response = await http.request({ method: "GET", url, headers: {}, signal: noSignal, ...changes });
  return Buffer.from(await response.bytes(1000)).toString();
}

/** Leaves this many idle connections. */
async function warm(http: HttpClient, { url, sockets }: Setting, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => ask(http, url)));
  expect(sockets.size).toBe(count);
}

const body = {
  sizeBytes: 4,
  open: async function* () {
    yield Buffer.from("body");
  },
};

describe("idle connections", () => {
  test("the server reset all of them: the request goes out again at once, on a new connection", async () => {
    const setting = await server();
    const { http, waits } = testHttpClient();
    await warm(http, setting, 8);
    setting.old = "reset";
    expect(await ask(http, setting.url)).toBe("answer");
    expect(waits).toEqual([]);
    expect(setting.seen.slice(8)).toEqual([
      ["GET", false],
      ["GET", true],
    ]);
  });

  test("a firewall forgot all of them: one is waited for, and the next try has a new connection", async () => {
    const setting = await server();
    const { http, waits } = testHttpClient({ idleTimeoutMs: 500 });
    await warm(http, setting, 8);
    setting.old = "silent";
    expect(await ask(http, setting.url)).toBe("answer");
    expect(waits).toHaveLength(1);
    expect(setting.seen.slice(8)).toEqual([
      ["GET", false],
      ["GET", true],
    ]);
  });

  test.each<[string, Partial<HttpRequest>, boolean]>([
    ["a body that can be sent again", { method: "PUT", body }, true],
    ["a body whose sender starts again itself", { method: "PUT", body, retries: noRetry }, false],
    ["a request that may have had an effect", { method: "POST", body }, false],
    ["a question whose caller asks again itself", { retries: noRetry }, true],
  ])("reset: %s", async (_, changes, isSentAgain) => {
    const setting = await server();
    const { http } = testHttpClient();
    await warm(http, setting, 2);
    setting.old = "reset";
    const asked = ask(http, setting.url, changes);
    if (isSentAgain) expect(await asked).toBe("answer");
    else await expect(asked).rejects.toThrow("connection reset");
    expect(setting.seen.slice(2).map(([, isNew]) => isNew)).toEqual(isSentAgain ? [false, true] : [false]);
  });

  test("a new connection that is reset counts as a try", async () => {
    const setting = await server();
    const { http, waits } = testHttpClient();
    const closing = createServer((request) => request.socket.resetAndDestroy());
    await new Promise<void>((resolve) => closing.listen(0, "127.0.0.1", resolve));
    whenTestEnds(() => {
      closing.close();
    });
    const { port } = closing.address() as AddressInfo;
    await expect(ask(http, new URL(`http://127.0.0.1:${port}/`))).rejects.toThrow("connection reset");
    expect(waits).toHaveLength(4);
    expect(setting.seen).toEqual([]);
  });

  test("one that nobody needs is closed by itself, though the server would keep it", async () => {
    const setting = await server();
    const { http } = testHttpClient();
    await warm(http, setting, 1);
    const [socket] = setting.sockets;
    await new Promise((resolve) => socket?.once("close", resolve));
    expect(await ask(http, setting.url)).toBe("answer");
    expect(setting.seen.at(-1)).toEqual(["GET", true]);
  });
});
