/** Heads of answers: very long ones that real registries send, and ones that are not HTTP. */
import { describe, expect, test } from "vitest";
import { noSignal } from "../support/context.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { testHttpClient } from "../support/http-client.ts";
import { startRawServer } from "../support/raw-server.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";

describe("long headers, as Google's registry sends them, count", () => {
  test.each([21, 60])("%i KiB on a manifest, a redirect and a blob", async (kib) => {
    const long = "x".repeat(kib * 1024);
    const serve = serveTool("#!/bin/sh\n");
    const storage = await startServer((request, response, self) => {
      response.setHeader("x-long", long);
      serve({ ...request, url: request.url.split("?", 1)[0] ?? "" }, response, self);
    });
    const server = await startServer((request, response, self) => {
      response.setHeader("x-long", long);
      if (request.url.includes("/blobs/")) {
        response.writeHead(307, { location: `http://${storage.host}${request.url}?sig=1` }).end();
      } else {
        serve(request, response, self);
      }
    });
    const ran = await oras(["pull", `${server.host}/t/tool:1`, "-o", "out"], { cwd: temporaryFolder() });
    expect(ran.exitCode, ran.stderr).toBe(0);
  });
});

describe("an answer that is not HTTP is asked for once, and the hint speaks of the server", () => {
  test.each([
    ["both lengths", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
    ["two lengths that differ", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok"],
    ["a length that is no number", "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\nok"],
    ["a bare line feed", "HTTP/1.1 200 OK\r\nx: a\nb: c\r\ncontent-length: 2\r\n\r\nok"],
    ["a control character in a header", "HTTP/1.1 200 OK\r\nx: \0\r\ncontent-length: 2\r\n\r\nok"],
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["headers over 64 KiB", `HTTP/1.1 200 OK\r\nx: ${"x".repeat(70_000)}\r\ncontent-length: 2\r\n\r\nok`],
  ])("%s", async (_, head) => {
    const server = await startRawServer((socket) => void socket.write(head, "latin1"));
    const { http } = testHttpClient();
    const asked = http.request({
      method: "GET",
      url: new URL(`http://${server.host}/`),
      headers: {},
      signal: noSignal,
    });
    await expect(asked).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
      message: expect.stringMatching(/the answer is not HTTP|headers are over 64 KiB/),
      hint: expect.stringMatching(/operator of the server/),
    });
    expect(server.seen).toHaveLength(1);
  });
});
