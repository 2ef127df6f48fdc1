import { describe, expect, test } from "vitest";
import { OrasClientError } from "../../src/errors.ts";
import { restOf } from "../../src/model/source.ts";
import { codeOf } from "../support/context.ts";
import { collect, registryClient } from "../support/registry/client.ts";
import { blob, blobDigest, blobText, manifestDigest, serveArtifact } from "../support/registry/content.ts";
import { type Handler, startServer } from "../support/registry/server.ts";

const login = { kind: "basic", username: "user", password: "secret" } as const;
const basic = `Basic ${Buffer.from("user:secret").toString("base64")}`;

/** Serves the artifact to whoever shows `authorization`, and challenges the rest. */
function guarded(authorization: string, challenge: (host: string) => string): Handler {
  return (request, response, server) => {
    if (request.headers.authorization === authorization) serveArtifact(request, response, server);
    else response.writeHead(401, { "www-authenticate": challenge(server.host) }).end();
  };
}

/** A token service that gives `token` and says whom it asked. */
const tokenService: Handler = (_request, response) => response.end(JSON.stringify({ token: "tok" }));

describe("what a registry asks for", () => {
  test("nothing is shown before it asks, and nothing at all where it does not", async () => {
    const server = await startServer(serveArtifact);
    const { registry, signal } = registryClient(server.host, { credentials: login });
    await registry.fetchManifest("1", signal);
    expect(server.seen[0]?.headers.authorization).toBeUndefined();
  });

  test("Basic: the login is shown after the challenge, and from then on at once", async () => {
    const server = await startServer(guarded(basic, () => 'Basic realm="x"'));
    const { registry, signal } = registryClient(server.host, { credentials: login });
    await registry.fetchManifest("1", signal);
    await registry.fetchManifest("1", signal);
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, basic, basic]);
  });

  test("Bearer: the token of another host's service, for this repository, with and without a login", async () => {
    const service = await startServer(tokenService);
    const challenge = (): string =>
      `Bearer realm="http://${service.host}/token",service="reg.example",scope="repository:t/tool:pull"`;
    const server = await startServer(guarded("Bearer tok", challenge));
    const anonymous = registryClient(server.host);
    expect((await anonymous.registry.fetchManifest("1", anonymous.signal)).digest).toBe(manifestDigest);
    const { registry, signal, lines } = registryClient(server.host, { credentials: login });
    expect((await registry.fetchManifest("1", signal)).digest).toBe(manifestDigest);
    expect(service.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, basic]);
    expect(service.seen[1]?.url).toBe("/token?service=reg.example&scope=repository%3At%2Ftool%3Apull");
    // The registry itself never sees the login, and no line of the log a secret.
    expect(server.seen.map(({ headers }) => headers.authorization)).not.toContain(basic);
    expect(lines.join("\n")).not.toMatch(/secret|tok\b|Basic/);
  });

  test("a token that runs out is renewed once; one that is refused is not asked for again and again", async () => {
    let issued = 0;
    const service = await startServer((_request, response) => {
      issued += 1;
      response.end(JSON.stringify({ access_token: `tok${issued}` }));
    });
    const server = await startServer((request, response, self) => {
      // Each token is good for one request; 403 for an old one, as ECR has it.
      const { authorization } = request.headers;
      if (
        authorization === `Bearer tok${issued}` &&
        self.seen.filter((one) => one.headers.authorization === authorization).length === 1
      ) {
        serveArtifact(request, response, self);
      } else {
        response
          .writeHead(authorization === undefined ? 401 : 403, {
            "www-authenticate": `Bearer realm="http://${service.host}/"`,
          })
          .end();
      }
    });
    const { registry, signal } = registryClient(server.host);
    await registry.fetchManifest("1", signal);
    await registry.fetchManifest("1", signal);
    expect(issued).toBe(2);
    const closed = await startServer((_request, response) =>
      response.writeHead(401, { "www-authenticate": `Bearer realm="http://${service.host}/"` }).end(),
    );
    const other = registryClient(closed.host);
    expect(await codeOf(other.registry.fetchManifest("1", other.signal))).toBe("REGISTRY_UNAUTHORIZED");
    expect(closed.seen.length).toBeLessThanOrEqual(2);
  });

  test("ORAS_TOKEN goes as it is; an identity token goes to the token service by POST", async () => {
    const server = await startServer(guarded("Bearer mine", () => 'Bearer realm="http://127.0.0.1:1/"'));
    const direct = registryClient(server.host, { credentials: { kind: "bearer", token: "mine" } });
    await direct.registry.fetchManifest("1", direct.signal);

    const service = await startServer(({ method }, response) => {
      if (method === "POST") response.end('{"access_token": "tok"}');
      else response.writeHead(405).end();
    });
    const guardedServer = await startServer(
      guarded("Bearer tok", () => `Bearer realm="http://${service.host}/t",service="s"`),
    );
    const identity = registryClient(guardedServer.host, { credentials: { kind: "identity", token: "refresh" } });
    await identity.registry.fetchManifest("1", identity.signal);
    const form = new URLSearchParams(service.seen[0]?.body);
    expect(Object.fromEntries(form)).toMatchObject({
      grant_type: "refresh_token",
      refresh_token: "refresh",
      service: "s",
    });
  });

  test.each([
    ["of 10 MB", JSON.stringify({ token: "t".repeat(10 << 20) })],
    ["that is a web page", "<html>log in</html>"],
    ["without a token", '{"expires_in": 300}'],
    ["with a token that would split a header", JSON.stringify({ token: "a\r\nX-Evil: 1" })],
    ["with a token that is no text", '{"token": {"a": 1}}'],
  ])("a token service's answer %s is an error, and no request follows", async (_what, answer) => {
    const service = await startServer((_request, response) => response.end(answer));
    const server = await startServer(guarded("Bearer tok", () => `Bearer realm="http://${service.host}/"`));
    const { registry, signal } = registryClient(server.host);
    await expect(registry.fetchManifest("1", signal)).rejects.toBeInstanceOf(OrasClientError);
    expect(server.seen).toHaveLength(1);
  });

  test("without credentials a challenge is an authentication error whose hint names the ways to log in", async () => {
    const server = await startServer(guarded(basic, () => 'Basic realm="x"'));
    const { registry, signal } = registryClient(server.host);
    await expect(registry.fetchManifest("1", signal)).rejects.toMatchObject({
      code: "REGISTRY_UNAUTHORIZED",
      exitCode: 77,
      message: expect.stringContaining("authentication"),
      hint: expect.stringMatching(/ORAS_USER[\s\S]*private repository/),
    });
  });
});

describe("where credentials do not go", () => {
  test("a redirect to another origin carries none, not even back at the first host", async () => {
    const first = await startServer((request, response, self) => {
      if (request.headers.authorization !== basic && !request.url.startsWith("/back")) {
        response.writeHead(401, { "www-authenticate": "Basic", "set-cookie": "session=secret; Path=/" }).end();
      } else if (request.url.includes("/blobs/")) {
        response.setHeader("set-cookie", "session=secret; Path=/");
        response.writeHead(307, { location: `http://${second.host}/signed` }).end();
      } else if (request.url === "/back") {
        response.end(blobText);
      } else {
        serveArtifact(request, response, self);
      }
    });
    const second = await startServer((_request, response) =>
      response.writeHead(302, { location: `http://${first.host}/back`, "set-cookie": "session=secret; Path=/" }).end(),
    );
    const { registry, signal } = registryClient(first.host, { credentials: login });
    expect(await collect((await registry.openBlob(blob, restOf(blob, 0), signal)).bytes)).toBe(blobText);
    expect(second.seen).toHaveLength(1);
    for (const request of [second.seen[0], first.seen.at(-1)]) {
      expect(request?.headers.authorization).toBeUndefined();
    }
    for (const { headers } of [...first.seen, ...second.seen]) expect(headers.cookie).toBeUndefined();
  });

  test("a relative redirect on the same host keeps them", async () => {
    const server = await startServer((request, response) => {
      if (request.headers.authorization !== basic) response.writeHead(401, { "www-authenticate": "Basic" }).end();
      else if (request.url === "/signed?x=1") response.end(blobText);
      else response.writeHead(302, { location: "/signed?x=1" }).end();
    });
    const { registry, signal } = registryClient(server.host, { credentials: login });
    expect(await collect((await registry.openBlob(blob, restOf(blob, 0), signal)).bytes)).toBe(blobText);
  });

  test("a host that was redirected to and answers 401 Bearer gets no token", async () => {
    const service = await startServer(tokenService);
    const elsewhere = await startServer((_request, response) =>
      response.writeHead(401, { "www-authenticate": `Bearer realm="http://${service.host}/"` }).end(),
    );
    const server = await startServer((_request, response) =>
      response.writeHead(302, { location: `http://${elsewhere.host}/x` }).end(),
    );
    const { registry, signal } = registryClient(server.host, { credentials: login });
    expect(await codeOf(registry.openBlob(blob, restOf(blob, 0), signal))).toBe("REGISTRY_UNAUTHORIZED");
    expect(service.seen).toEqual([]);
    expect(elsewhere.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  test.each([
    "file:///etc/passwd",
    "http://169.254.169.254/token",
    "http://0.0.0.0/token",
    "http://[fe80::1]/t",
    "http://[::ffff:169.254.169.254]/t",
    "http://[64:ff9b::169.254.169.254]/t",
    "http://[64:ff9b:1::a9fe:a9fe]/t",
    "http://[::ffff:0:169.254.169.254]/t",
    "http://[::169.254.169.254]/t",
    "http://[2002:a9fe:a9fe::1]/t",
    "http://u:p@127.0.0.1/t",
    "not a url",
  ])("a token service at %s is refused without a request", async (realm) => {
    const server = await startServer(guarded("Bearer tok", () => `Bearer realm="${realm}"`));
    const { registry, signal } = registryClient(server.host, { credentials: login });
    expect(await codeOf(registry.fetchManifest("1", signal))).toBe("REALM_REFUSED");
    expect(server.seen).toHaveLength(1);
  });

  test("an upload location on another host gets the bytes without an Authorization header", async () => {
    const storage = await startServer((_request, response) => response.writeHead(201).end());
    const server = await startServer((request, response) => {
      if (request.headers.authorization !== basic) response.writeHead(401, { "www-authenticate": "Basic" }).end();
      else response.writeHead(202, { location: `http://${storage.host}/upload?state=1` }).end();
    });
    const { registry, signal } = registryClient(server.host, { credentials: login });
    await registry.pushBlob(
      blob,
      async function* () {
        yield Buffer.from(blobText);
      },
      signal,
    );
    expect(storage.seen).toMatchObject([
      { method: "PUT", url: `/upload?state=1&digest=${encodeURIComponent(blobDigest)}`, body: blobText },
    ]);
    expect(storage.seen[0]?.headers.authorization).toBeUndefined();
  });

  test.each([
    "http://169.254.169.254/upload",
    "http://[::ffff:a9fe:a9fe]/upload",
    "ftp://127.0.0.1/upload",
    "http://[",
  ])("an upload location at %s is refused, for a push and for what a mount began", async (location) => {
    const server = await startServer(({ method }, response) =>
      method === "POST" ? response.writeHead(202, { location }).end() : response.writeHead(404).end(),
    );
    const { registry, signal } = registryClient(server.host);
    const open = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from(blobText);
    };
    expect(await codeOf(registry.pushBlob(blob, open, signal))).toBe("REDIRECT_REFUSED");
    const other = registryClient(server.host, { repository: "t/other" });
    expect(await codeOf(registry.mountBlob(blob, other.registry, signal))).toBe("REDIRECT_REFUSED");
    expect(server.seen.map(({ method }) => method)).toEqual(["POST", "POST"]);
  });

  test("an upload location on another host is in no line of the log, since its path may be signed", async () => {
    const storage = await startServer((_request, response) => response.writeHead(201).end());
    const server = await startServer((_request, response) =>
      response.writeHead(202, { location: `http://${storage.host}/hmac=sekret/upload` }).end(),
    );
    const { registry, signal, lines } = registryClient(server.host);
    const open = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from(blobText);
    };
    await registry.pushBlob(blob, open, signal);
    expect(lines).toContain(`PUT ${storage.host}: 201`);
    expect(lines.join()).not.toContain("sekret");
  });

  test("a redirect without end stops", async () => {
    const server = await startServer((_request, response, { seen }) =>
      response.writeHead(302, { location: `/again/${seen.length}` }).end(),
    );
    const { registry, signal } = registryClient(server.host);
    expect(await codeOf(registry.openBlob(blob, restOf(blob, 0), signal))).toBe("REDIRECT_REFUSED");
    expect(server.seen).toHaveLength(11);
  });
});
