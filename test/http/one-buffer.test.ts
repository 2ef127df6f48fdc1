/** All sockets of the client read into one buffer: bytes of concurrent answers must stay apart. */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { expect, test } from "vitest";
import { directRoute } from "../../src/http/transport.ts";
import { noSignal } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";
import { testHttpClient } from "../support/http-client.ts";
import { requireProgram } from "../support/peers.ts";
import { createPrivateCa } from "../support/private-ca.ts";
import { startServer } from "../support/registry/server.ts";

const get = { method: "GET", headers: {}, signal: noSignal } as const;
const bodies = Array.from({ length: 6 }, () => randomBytes(3_000_000));
/** `/N` gives body N. */
function bodyAt(path = "/0"): Buffer | undefined {
  return bodies[Number(path.slice(1))];
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Fetches all bodies at once, and again over the same connections. @returns Sizes of all chunks. */
async function fetchAll(http: ReturnType<typeof testHttpClient>["http"], base: string): Promise<number[]> {
  const sizes: number[] = [];
  for (const _ of [1, 2]) {
    const fetched = bodies.map(async (_body, index) => {
      const response = await http.request({ ...get, url: new URL(`${base}/${index}`) });
      const hash = createHash("sha256");
      for await (const chunk of response.stream()) {
        hash.update(chunk);
        sizes.push(chunk.byteLength);
      }
      return hash.digest("hex");
    });
    expect(await Promise.all(fetched)).toEqual(bodies.map(hashOf));
  }
  return sizes;
}

test("http: concurrent answers keep their own bytes, in reads of more than Node's 64 KiB", async () => {
  const server = await startServer(({ url }, response) => void response.end(bodyAt(url)));
  const sizes = await fetchAll(testHttpClient().http, `http://${server.host}`);
  expect(Math.max(...sizes)).toBeGreaterThan(64 * 1024);
});

test("https: concurrent answers keep their own bytes", async (context) => {
  const ca = createPrivateCa(requireProgram(context, "openssl"), temporaryFolder());
  const { certificate, key } = ca.sign("localhost");
  const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, ({ url }, response) => {
    response.end(bodyAt(url));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.onTestFinished(() => void server.closeAllConnections());
  context.onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const tls = { ...directRoute.tls, ca: [readFileSync(ca.certificate, "utf8")] };
  const { http } = testHttpClient({ routeTo: () => Promise.resolve({ ...directRoute, tls }) });
  await fetchAll(http, `https://localhost:${port}`);
});
