/** What an answer's status, length and address mean for the request. */
import { readFileSync } from "node:fs";
import { createServer as createSecureServer } from "node:https";
import { createServer, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { redirectTarget, uploadTarget } from "../../src/http/redirect.ts";
import { directRoute } from "../../src/http/transport.ts";
import { noSignal } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";
import { testHttpClient } from "../support/http-client.ts";
import { requireProgram } from "../support/peers.ts";
import { createPrivateCa } from "../support/private-ca.ts";
import { type Handler, startServer } from "../support/registry/server.ts";

const get = { method: "GET", headers: {}, signal: noSignal } as const;
const empty = {
  sizeBytes: 0,
  open: async function* () {
    yield Buffer.alloc(0);
  },
};
const post = { method: "POST", headers: {}, body: empty, signal: noSignal } as const;

describe("the body of an error", () => {
  test.each([401, 404, 500])("of %i is read in its beginning, however long it is", async (status) => {
    let sentBytes = 0;
    const server = await startServer((_request, response) => {
      response.writeHead(status);
      const piece = Buffer.alloc(65_536, "x");
      const write = (): void => {
        while (!response.destroyed && response.write(piece)) sentBytes += piece.length;
        if (!response.destroyed) response.once("drain", write);
      };
      write();
    });
    const { http } = testHttpClient();
    const response = await http.request({ ...get, url: new URL(`http://${server.host}/`), bufferBytes: 4 << 20 });
    expect(response.status).toBe(status);
    expect((await response.bytes(64 * 1024)).byteLength).toBe(64 * 1024);
    // What the kernel's buffers take, in five tries.
    expect(sentBytes).toBeLessThan(64 * 1024 * 1024);
  });

  test("that breaks off leaves the status as it is", async () => {
    const server = await startServer((_request, response) => {
      response.writeHead(404, { "content-length": 1000 });
      response.write("{");
      setTimeout(() => response.socket?.destroy(), 20);
    });
    const { http } = testHttpClient();
    const response = await http.request({ ...get, url: new URL(`http://${server.host}/`), bufferBytes: 4 << 20 });
    expect(response.status).toBe(404);
    expect(server.seen).toHaveLength(1);
  });
});

describe("a POST", () => {
  const failing: readonly [string, Handler][] = [
    ["is cut off", (_request, response) => response.socket?.destroy()],
    ["is answered 502", (_request, response) => response.writeHead(502).end()],
  ];
  const failingOnce = (fail: Handler): Handler => {
    return (request, response, self) => {
      if (self.seen.length === 1) fail(request, response, self);
      else response.end("done");
    };
  };

  test.each(failing)("that %s is sent again where it does no harm twice", async (_what, fail) => {
    const server = await startServer(failingOnce(fail));
    const { http, waits } = testHttpClient();
    const response = await http.request({ ...post, url: new URL(`http://${server.host}/`), isRepeatable: true });
    expect(response.status).toBe(200);
    expect(waits).toHaveLength(1);
  });

  test.each(failing)("that %s is not sent again where nothing is known of it", async (_what, fail) => {
    const server = await startServer(failingOnce(fail));
    const { http } = testHttpClient();
    await http.request({ ...post, url: new URL(`http://${server.host}/`) }).catch(() => {});
    expect(server.seen).toHaveLength(1);
  });
});

describe("redirects", () => {
  test("to another origin: no line of the log has the path, which may be signed", async () => {
    const storage = await startServer(({ url }, response) => {
      if (url.startsWith("/hmac=sekret/")) response.writeHead(302, { location: "/hmac=other/" }).end();
      else response.end("x".repeat(100));
    });
    const server = await startServer((_request, response) =>
      response.writeHead(307, { location: `http://${storage.host}/hmac=sekret/x?signature=sekret` }).end(),
    );
    const { http, context } = testHttpClient();
    const response = await http.request({ ...get, url: new URL(`http://${server.host}/v2/x`) });
    expect(context.lines).toEqual([
      `GET ${server.host}/v2/x: 307`,
      `GET ${storage.host}: 302`,
      `GET ${storage.host}: 200`,
    ]);
    await expect(response.bytes(10)).rejects.toThrow(`the answer of ${storage.host} is over 10 bytes`);
  });

  test("from https to http are refused, and nobody is asked", async (context) => {
    const dir = temporaryFolder();
    const ca = createPrivateCa(requireProgram(context, "openssl"), dir);
    const { certificate, key } = ca.sign("127.0.0.1");
    const plain = await startServer((_request, response) => response.end("x"));
    const secure = createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (_, response) =>
      response.writeHead(302, { location: `http://${plain.host}/` }).end(),
    );
    await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
    context.onTestFinished(() => void secure.close());
    const address = secure.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const tls = { ca: [readFileSync(ca.certificate, "utf8")], cert: undefined, key: undefined };
    const { http } = testHttpClient({ routeTo: () => Promise.resolve({ ...directRoute, tls }) });
    const request = http.request({ ...get, url: new URL(`https://127.0.0.1:${port}/`) });
    await expect(request).rejects.toMatchObject({
      code: "REDIRECT_REFUSED",
      message: `127.0.0.1:${port} redirects from https to http (${plain.host})`,
    });
    expect(plain.seen).toEqual([]);
  });

  test.each([
    "http://reg.example/x",
    "ftp://reg.example/x",
    "file:///etc/passwd",
    "https://169.254.169.254/latest",
    "https://[::ffff:a9fe:a9fe]/latest",
    "https://[fd00:ec2::254]/latest",
    "https://0.0.0.0/",
    "https://[",
    undefined,
  ])("to %s lead nowhere", (location) => {
    expect(() => redirectTarget(location, new URL("https://reg.example/v2/"))).toThrow(/^reg\.example redirects /);
  });

  test.each([
    ["https://reg.example/v2/x", "http://reg.example/up?a=1"],
    ["https://reg.example/v2/x", "http://reg.example:443/up?a=1"],
    ["https://reg.example:5000/v2/x", "http://reg.example:5000/up?a=1"],
  ])("from %s, an upload to %s goes to https at that host", (from, location) => {
    expect(uploadTarget(location, new URL(from)).href).toBe(new URL("/up?a=1", from).href);
  });

  test.each(["http://reg.example:5000/up", "http://other.example/up", "ftp://reg.example/up", undefined])(
    "from https, an upload to %s is refused; where http is named, the hint says what to set",
    (location) => {
      const from = new URL("https://reg.example/v2/x");
      const hint = location?.startsWith("http:") ? /X-Forwarded-Proto.*http\.relativeurls/ : /fix the setup/;
      expect(() => uploadTarget(location, from)).toThrow(
        expect.objectContaining({ code: "REDIRECT_REFUSED", hint: expect.stringMatching(hint) }),
      );
    },
  );

  test("keep no login of the address, and go on where they may", () => {
    const from = new URL("https://reg.example/v2/x");
    expect(redirectTarget("https://u:p@storage.example/y", from).href).toBe("https://storage.example/y");
    expect(redirectTarget("../z?a=1", from).href).toBe("https://reg.example/z?a=1");
    // Raw UTF-8, which Node reads as Latin-1, is encoded once; what is encoded already, or no UTF-8, stays.
    const raw = Buffer.from("/größe?é=1", "utf8").toString("latin1");
    expect(redirectTarget(raw, from).href).toBe("https://reg.example/gr%C3%B6%C3%9Fe?%C3%A9=1");
    expect(redirectTarget("/gr%C3%B6%C3%9Fe", from).href).toBe("https://reg.example/gr%C3%B6%C3%9Fe");
    expect(redirectTarget("/gr\u00f6", from).href).toBe("https://reg.example/gr%C3%B6");
    // Whoever named a host at such an address meant it.
    const linkLocal = new URL("http://[fe80::1]:5000/v2/x");
    expect(redirectTarget("/y", linkLocal).href).toBe("http://[fe80::1]:5000/y");
  });
});

test("a connection that does not come to stand is given up in time, and said to be none", async () => {
  // It takes connections and never says a word of TLS.
  const sockets: Socket[] = [];
  const silent = createServer((socket) => void sockets.push(socket));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const address = silent.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const { http } = testHttpClient({ connectTimeoutMs: 100 });
  const request = http.request({ ...get, url: new URL(`https://127.0.0.1:${port}/`) });
  await expect(request).rejects.toMatchObject({
    code: "REGISTRY_UNAVAILABLE",
    message: `cannot talk to 127.0.0.1:${port}: no connection in time`,
  });
  await expect.poll(() => sockets).toHaveLength(5);
});
