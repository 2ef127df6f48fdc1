/** Token services that speak another dialect, are in trouble, or send us elsewhere. */
import { describe, expect, test } from "vitest";
import { codeOf } from "../support/context.ts";
import { registryClient } from "../support/registry/client.ts";
import { blob, manifestDigest, serveArtifact } from "../support/registry/content.ts";
import { type Handler, startServer, type TestServer } from "../support/registry/server.ts";

const login = { kind: "basic", username: "user", password: "secret" } as const;
const basic = `Basic ${Buffer.from("user:secret").toString("base64")}`;
const identity = { kind: "identity", token: "refresh" } as const;

/** A registry whose tokens come from `realm`; the only good one is `tok`. */
function askingFor(realm: (self: TestServer) => string): Handler {
  return (request, response, self) => {
    if (request.headers.authorization === "Bearer tok") serveArtifact(request, response, self);
    else response.writeHead(401, { "www-authenticate": `Bearer realm="${realm(self)}",service="s"` }).end();
  };
}

describe("one that knows GET alone, or POST alone, is asked the other way", () => {
  test.each([404, 405])("a login: POST after GET is answered %i", async (status) => {
    const service = await startServer(({ method }, response) => {
      if (method === "POST") response.end('{"access_token": "tok"}');
      else response.writeHead(status).end();
    });
    const server = await startServer(askingFor(() => `http://${service.host}/token`));
    const { registry, signal } = registryClient(server.host, { credentials: login });
    expect((await registry.fetchManifest("1", signal)).digest).toBe(manifestDigest);
    expect(service.seen.map(({ method }) => method)).toEqual(["GET", "POST"]);
    expect(Object.fromEntries(new URLSearchParams(service.seen[1]?.body))).toEqual({
      grant_type: "password",
      username: "user",
      password: "secret",
      service: "s",
      client_id: "buck2-oras",
      scope: "repository:t/tool:pull",
    });
  });

  test.each([404, 405])(
    "an identity token: GET after POST is answered %i, as the user without a name",
    async (status) => {
      const service = await startServer(({ method }, response) => {
        if (method === "GET") response.end('{"token": "tok"}');
        else response.writeHead(status).end();
      });
      const server = await startServer(askingFor(() => `http://${service.host}/token`));
      const { registry, signal } = registryClient(server.host, { credentials: identity });
      expect((await registry.fetchManifest("1", signal)).digest).toBe(manifestDigest);
      expect(service.seen.map(({ method }) => method)).toEqual(["POST", "GET"]);
      const shown = Buffer.from("00000000-0000-0000-0000-000000000000:refresh").toString("base64");
      expect(service.seen[1]?.headers.authorization).toBe(`Basic ${shown}`);
    },
  );

  test("without a login there is nothing to POST", async () => {
    const service = await startServer((_request, response) => response.writeHead(404).end());
    const server = await startServer(askingFor(() => `http://${service.host}/token`));
    const { registry, signal } = registryClient(server.host);
    expect(await codeOf(registry.fetchManifest("1", signal))).toBe("REGISTRY_UNAUTHORIZED");
    expect(service.seen.map(({ method }) => method)).toEqual(["GET"]);
  });
});

test("a mount asks for both repositories, in one token", async () => {
  const service = await startServer((_request, response) => response.end('{"token": "tok"}'));
  const server = await startServer(({ headers }, response) => {
    if (headers.authorization === "Bearer tok") response.writeHead(201).end();
    else response.writeHead(401, { "www-authenticate": `Bearer realm="http://${service.host}/token"` }).end();
  });
  const { registry, signal } = registryClient(server.host, { credentials: login });
  const from = registryClient(server.host, { repository: "t/from" });
  expect(await registry.mountBlob(blob, from.registry, signal)).toBe(true);
  const { searchParams } = new URL(service.seen[0]?.url ?? "", "http://x");
  expect(searchParams.getAll("scope")).toEqual(["repository:t/from:pull", "repository:t/tool:pull,push"]);
  expect(service.seen).toHaveLength(1);
});

test("one on the registry's own host and port works, also on a private address", async () => {
  const guarded = askingFor(({ host }) => `http://${host}/token`);
  const server = await startServer((request, response, self) => {
    if (request.url.startsWith("/token")) response.end('{"token": "tok"}');
    else guarded(request, response, self);
  });
  const { registry, signal } = registryClient(server.host, { credentials: login });
  expect((await registry.fetchManifest("1", signal)).digest).toBe(manifestDigest);
  expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, basic, "Bearer tok"]);
});

describe("redirects", () => {
  test("to another origin are refused, and it is not asked", async () => {
    const elsewhere = await startServer((_request, response) => response.end('{"token": "tok"}'));
    const service = await startServer((_request, response) =>
      response.writeHead(302, { location: `http://${elsewhere.host}/token` }).end(),
    );
    const server = await startServer(askingFor(() => `http://${service.host}/token`));
    const { registry, signal } = registryClient(server.host);
    expect(await codeOf(registry.fetchManifest("1", signal))).toBe("REDIRECT_REFUSED");
    expect(elsewhere.seen).toEqual([]);
  });

  test("at the same origin are followed with the login", async () => {
    const service = await startServer(({ url }, response) => {
      if (url.startsWith("/moved")) response.end('{"token": "tok"}');
      else response.writeHead(302, { location: "/moved" }).end();
    });
    const server = await startServer(askingFor(() => `http://${service.host}/token`));
    const { registry, signal } = registryClient(server.host, { credentials: login });
    expect((await registry.fetchManifest("1", signal)).digest).toBe(manifestDigest);
    expect(service.seen[1]?.headers.authorization).toBe(basic);
  });
});

test.each([
  [500, "REGISTRY_UNAVAILABLE"],
  [503, "REGISTRY_UNAVAILABLE"],
  [429, "REGISTRY_RATE_LIMITED"],
  [400, "REGISTRY_UNAUTHORIZED"],
] as const)("%i is %s: one in trouble says nothing about the login", async (status, code) => {
  const service = await startServer((_request, response) => response.writeHead(status).end());
  const server = await startServer(askingFor(() => `http://${service.host}/token`));
  for (const credentials of [login, identity]) {
    const { registry, signal } = registryClient(server.host, { credentials });
    const isRetryable = code !== "REGISTRY_UNAUTHORIZED";
    await expect(registry.fetchManifest("1", signal)).rejects.toMatchObject({ code, isRetryable });
  }
});

describe("a login that ran out", () => {
  /** Refuses every login; to nobody in particular it answers `status`. */
  const refusing = (status: number): Handler => {
    return ({ method, headers }, response) => {
      if (method === "POST" || headers.authorization !== undefined) response.writeHead(403).end();
      else response.writeHead(status).end('{"token": "tok"}');
    };
  };

  test.each([login, identity])(
    "what anybody may pull is pulled without it, and that is said once ($kind)",
    async (credentials) => {
      const service = await startServer(refusing(200));
      const server = await startServer(askingFor(() => `http://${service.host}/token`));
      const { registry, signal, lines } = registryClient(server.host, { credentials });
      expect((await registry.fetchManifest("1", signal)).digest).toBe(manifestDigest);
      await registry.fetchManifest("1", signal);
      expect(service.seen).toHaveLength(2);
      const warnings = lines.filter((line) => line.includes("going on without one"));
      expect(warnings).toEqual([`the login for ${server.host} from test was refused; going on without one`]);
    },
  );

  test("what is not public says that the login was refused", async () => {
    const service = await startServer(refusing(401));
    const server = await startServer(askingFor(() => `http://${service.host}/token`));
    const { registry, signal } = registryClient(server.host, { credentials: login });
    await expect(registry.fetchManifest("1", signal)).rejects.toMatchObject({
      code: "REGISTRY_UNAUTHORIZED",
      message: expect.stringContaining("answered 403"),
      hint: expect.stringContaining("the credentials were refused"),
    });
  });

  test("so it does when a token is given that is good for nothing", async () => {
    const service = await startServer(refusing(200));
    const server = await startServer((_request, response) =>
      response.writeHead(401, { "www-authenticate": `Bearer realm="http://${service.host}/token"` }).end(),
    );
    const { registry, signal } = registryClient(server.host, { credentials: login });
    await expect(registry.fetchManifest("1", signal)).rejects.toMatchObject({
      code: "REGISTRY_UNAUTHORIZED",
      message: expect.stringContaining("answered 403"),
    });
  });

  test("a push is not tried without it", async () => {
    const service = await startServer(refusing(200));
    const server = await startServer(askingFor(() => `http://${service.host}/token`));
    const { registry, signal } = registryClient(server.host, { credentials: login });
    const pushed = registry.pushManifest(Buffer.from("{}"), "application/vnd.oci.image.manifest.v1+json", "1", signal);
    expect(await codeOf(pushed)).toBe("REGISTRY_UNAUTHORIZED");
    expect(service.seen).toHaveLength(1);
  });
});

test("whoever leaves while a token is asked for leaves the others to ask anew", async () => {
  let asked = 0;
  const service = await startServer((_request, response) => {
    asked += 1;
    // The first one is not answered before whoever asked has left.
    if (asked > 1) response.end('{"token": "tok"}');
  });
  const server = await startServer(askingFor(() => `http://${service.host}/token`));
  const { registry, signal } = registryClient(server.host, { credentials: login });
  const leaving = new AbortController();
  const first = registry.fetchManifest("1", leaving.signal);
  const second = registry.fetchManifest("1", signal);
  const ended = Promise.allSettled([first, second]);
  await expect.poll(() => [server.seen.length, asked]).toEqual([2, 1]);
  leaving.abort();
  const [left, stayed] = await ended;
  expect(left.status).toBe("rejected");
  expect(stayed).toMatchObject({ status: "fulfilled", value: { digest: manifestDigest } });
  expect(asked).toBe(2);
});

test("an answer without an end is cut off", async () => {
  let sentBytes = 0;
  const service = await startServer((_request, response) => {
    // Chunked: no length is stated.
    const piece = Buffer.alloc(65_536, "t");
    const write = (): void => {
      while (!response.destroyed && response.write(piece)) sentBytes += piece.length;
      if (!response.destroyed) response.once("drain", write);
    };
    write();
  });
  const server = await startServer(askingFor(() => `http://${service.host}/token`));
  for (const credentials of [login, identity]) {
    const { registry, signal } = registryClient(server.host, { credentials });
    expect(await codeOf(registry.fetchManifest("1", signal))).toBe("RESPONSE_INVALID");
  }
  // What the kernel's buffers take, not what is read.
  expect(sentBytes).toBeLessThan(32 * 1024 * 1024);
});
