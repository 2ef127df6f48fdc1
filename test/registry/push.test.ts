/** Bodies that are sent: at the pace of whoever takes them, and whole or not at all. */
import { createHash, randomBytes } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { digestFromHex } from "../../src/model/digest.ts";
import { codeOf } from "../support/context.ts";
import { registryClient } from "../support/registry/client.ts";
import { type Handler, startServer } from "../support/registry/server.ts";

const bytes = randomBytes(24 * 1024 * 1024);
const hex = createHash("sha256").update(bytes).digest("hex");
const descriptor = { mediaType: "application/octet-stream", digest: digestFromHex(hex), size: bytes.length };

async function* pieces(): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 65_536) yield bytes.subarray(start, start + 65_536);
}

/** Takes uploads and says that nothing is there yet. */
const upload: Handler = (request, response) => {
  if (request.method === "HEAD") response.writeHead(404).end();
  else if (request.method === "POST") response.writeHead(202, { location: "/upload" }).end();
  else response.writeHead(201).end();
};

test("a large blob is sent as fast as it is taken, and Node has nothing to warn of", async () => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on("warning", note);
  onTestFinished(() => void process.off("warning", note));
  const server = await startServer(upload);
  const { registry, signal } = registryClient(server.host);
  await registry.pushBlob(descriptor, pieces, signal);
  const put = server.seen.at(-1);
  expect(put?.headers["content-length"]).toBe(String(bytes.length));
  expect(put?.sha256).toBe(hex);
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings).toEqual([]);
});

test("a source that fails in the middle ends the push with its error, and the registry gets no whole body", async () => {
  const server = await startServer(upload);
  const { registry, signal } = registryClient(server.host);
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 65_536);
    throw new Error("the disk said no");
  }
  await expect(registry.pushBlob(descriptor, failing, signal)).rejects.toThrow(/disk said no/);
  expect(server.seen.map(({ method }) => method)).not.toContain("PUT");
});

test("a blob that is too large for a proxy is sent once, and the hint names the proxy's limit", async () => {
  const server = await startServer((request, response, self) =>
    request.method === "PUT"
      ? response.writeHead(413, { connection: "close" }).end("<title>413 Request Entity Too Large</title>")
      : upload(request, response, self),
  );
  const { registry, signal } = registryClient(server.host);
  const content = Buffer.alloc(8 * 1024 * 1024);
  const large = { digest: digestFromHex(createHash("sha256").update(content).digest("hex")), size: content.length };
  const open = async function* () {
    yield content;
  };
  await expect(registry.pushBlob(large, open, signal)).rejects.toMatchObject({
    code: "REGISTRY_REFUSED",
    hint: expect.stringContaining("client_max_body_size"),
  });
  expect(server.seen.filter(({ method }) => method === "PUT")).toHaveLength(1);
});

test.each([400, 405, 416])(
  "an empty blob that is refused with %i is sent once, and the hint says so",
  async (status) => {
    const server = await startServer((request, response, self) =>
      request.method === "PUT" ? response.writeHead(status).end() : upload(request, response, self),
    );
    const { registry, signal } = registryClient(server.host);
    const none = { digest: digestFromHex(createHash("sha256").digest("hex")), size: 0 };
    await expect(registry.pushBlob(none, async function* () {}, signal)).rejects.toMatchObject({
      code: "REGISTRY_REFUSED",
      hint: expect.stringContaining("take no empty file"),
    });
    expect(server.seen.filter(({ method }) => method === "PUT")).toHaveLength(1);
  },
);

test("a registry that refuses before it has read everything says why", async () => {
  const server = await startServer(upload, (request, response) => {
    if (request.method !== "PUT") return false;
    response.writeHead(403, { connection: "close" }).end();
    return true;
  });
  const { registry, signal } = registryClient(server.host);
  expect(await codeOf(registry.pushBlob(descriptor, pieces, signal))).toBe("REGISTRY_FORBIDDEN");
});
