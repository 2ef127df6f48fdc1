import { expect, test } from "vitest";
import { retryAfterMs } from "../../src/http/retry.ts";
import { codeOf } from "../support/context.ts";
import { registryClient } from "../support/registry/client.ts";
import { manifestDigest, serveArtifact } from "../support/registry/content.ts";
import { startServer } from "../support/registry/server.ts";

test.each([429, 502, 503, 504])("%i twice, then an answer: it is asked three times", async (status) => {
  const server = await startServer((request, response, self) => {
    if (self.seen.length <= 2) response.writeHead(status).end();
    else serveArtifact(request, response, self);
  });
  const { registry, signal, waits } = registryClient(server.host);
  expect((await registry.fetchManifest("1", signal)).digest).toBe(manifestDigest);
  expect(waits).toHaveLength(2);
});

test("Retry-After is waited for as long as asked, in seconds and as a date", async () => {
  const inFiveMinutes = new Date(Date.now() + 300_000).toUTCString();
  const server = await startServer((request, response, self) => {
    if (self.seen.length === 1) response.writeHead(429, { "retry-after": "30" }).end();
    else if (self.seen.length === 2) response.writeHead(503, { "retry-after": inFiveMinutes }).end();
    else serveArtifact(request, response, self);
  });
  const { registry, signal, waits } = registryClient(server.host, { timeoutMs: 600_000 });
  await registry.fetchManifest("1", signal);
  expect(waits[0]).toBe(30_000);
  // What is left of it when it is read.
  expect(waits[1]).toBeGreaterThan(200_000);
  expect(waits[1]).toBeLessThanOrEqual(300_000);
});

test("a Retry-After past the deadline ends at once", async () => {
  const server = await startServer((_request, response) => response.writeHead(429, { "retry-after": "3600" }).end());
  const { registry, signal, waits } = registryClient(server.host);
  expect(await codeOf(registry.fetchManifest("1", signal))).toBe("TIMED_OUT");
  expect(server.seen).toHaveLength(1);
  expect(waits).toEqual([]);
});

test("a connection that is cut before the answer is tried again, five times at most", async () => {
  const flaky = await startServer((request, response, self) => {
    if (self.seen.length <= 2) response.socket?.destroy();
    else serveArtifact(request, response, self);
  });
  const first = registryClient(flaky.host);
  expect((await first.registry.fetchManifest("1", first.signal)).digest).toBe(manifestDigest);
  const dead = await startServer((_request, response) => response.socket?.destroy());
  const second = registryClient(dead.host);
  expect(await codeOf(second.registry.fetchManifest("1", second.signal))).toBe("REGISTRY_UNAVAILABLE");
  expect(dead.seen).toHaveLength(5);
});

test("a body that is cut off is an error of the network, not a shorter body", async () => {
  const server = await startServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/vnd.oci.image.manifest.v1+json", "content-length": 1000 });
    response.write("{");
    setTimeout(() => response.socket?.destroy(), 20);
  });
  const { registry, signal } = registryClient(server.host);
  expect(await codeOf(registry.fetchManifest("1", signal))).toBe("REGISTRY_UNAVAILABLE");
});

test.each([
  ["120", 120_000],
  ["0", 0],
  ["Thu, 01 Jan 1970 00:00:10 GMT", 10_000],
  ["-1", undefined],
  ["1e9", undefined],
  ["soon", undefined],
  ["99999999999999", undefined],
  [undefined, undefined],
])("Retry-After %j is %j ms", (header, expected) => {
  expect(retryAfterMs(header, 0)).toBe(expected);
});
