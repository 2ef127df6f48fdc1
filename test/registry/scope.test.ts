/** What of a challenge a token is asked for: the registry, or who stands before it, wrote the challenge. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { digestFromHex } from "../../src/model/digest.ts";
import { restOf } from "../../src/model/source.ts";
import { allowedScopes } from "../../src/registry/scope.ts";
import { registryClient } from "../support/registry/client.ts";
import { startServer } from "../support/registry/server.ts";

describe("scopes of a challenge", () => {
  test.each([
    ["repository:team/tool:metadata_read", "pull"],
    ["repository:tool:pull", "pull"],
    ["repository:team/tool:pull,push", "push"],
    ["repository:team/tool:delete", "delete"],
    ["aws", "pull"],
  ] as const)("%s is asked for by %s", (scope, action) => {
    expect(allowedScopes(scope, "team/tool", action)).toEqual([scope]);
  });

  test.each([
    ["repository:team/tool:push", "pull"],
    ["repository:team/tool:pull,push", "pull"],
    ["repository:team/tool:*", "push"],
    ["repository:team/other:pull", "pull"],
    ["repository:other/team/tool:pull", "pull"],
    ["repository:ool:pull", "pull"],
    ["repository::pull", "pull"],
    ["repository(plugin):team/tool:pull", "pull"],
    ["REPOSITORY:team/other:pull", "pull"],
    ["\trepository:team/other:pull", "pull"],
    ["registry:catalog:*", "pull"],
  ] as const)("%s is not, by %s", (scope, action) => {
    expect(allowedScopes(scope, "team/tool", action)).toEqual([]);
  });

  test("of a login, nothing that has a resource is asked for", () => {
    expect(allowedScopes("repository:a:pull aws registry:catalog:*", undefined, "pull")).toEqual(["aws"]);
  });
});

/** A registry whose challenge is `parameters`, with a token service that notes what it is asked and answers `answer`. */
async function challenging(parameters: string, query = "", answer: object = { token: "tok" }) {
  const service = await startServer((_request, response) => response.end(JSON.stringify(answer)));
  const server = await startServer((request, response) => {
    if (request.headers.authorization === "Bearer tok") return response.end(JSON.stringify({ name: "x", tags: ["1"] }));
    const challenge = `Bearer realm="http://${service.host}/token${query}",service="s"${parameters}`;
    return response.writeHead(401, { "www-authenticate": challenge }).end();
  });
  return { service, ...registryClient(server.host, { repository: "team/tool" }) };
}

test("a challenge with another scope of the repository gets a token for both", async () => {
  const { registry, signal, service } = await challenging(',scope="repository:team/tool:metadata_read"');
  expect(await registry.listTags(signal)).toEqual(["1"]);
  const { searchParams } = new URL(service.seen[0]?.url ?? "", "http://x");
  expect(searchParams.getAll("scope")).toEqual(["repository:team/tool:metadata_read", "repository:team/tool:pull"]);
});

test("the query of the realm neither widens the token nor names an account", async () => {
  const query = "?scope=repository:other/x:push&Scope=y&account=admin&region=eu";
  const { registry, signal, service } = await challenging("", query);
  await registry.listTags(signal);
  const { searchParams } = new URL(service.seen[0]?.url ?? "", "http://x");
  expect([...searchParams.keys()].sort()).toEqual(["region", "scope", "service"]);
  expect(searchParams.getAll("scope")).toEqual(["repository:team/tool:pull"]);
});

test("a realm without a host is at the registry; a realm of another host is not taken for a path", async () => {
  const at = async (realm: string) => {
    const server = await startServer(({ url, headers }, response) => {
      if (url.startsWith("/auth/token")) return response.end('{"token": "tok"}');
      if (headers.authorization === "Bearer tok") return response.end('{"tags": ["1"]}');
      return response.writeHead(401, { "www-authenticate": `Bearer realm="${realm}",service="s"` }).end();
    });
    const { registry, signal } = registryClient(server.host, { repository: "team/tool" });
    const tags = await registry.listTags(signal).catch((error: { readonly code: string }) => error.code);
    return { tags, asked: server.seen.map(({ url }) => url.replace(/\?.*/, "")) };
  };
  const list = "/v2/team/tool/tags/list";
  expect(await at("/auth/token?x=1")).toEqual({ tags: ["1"], asked: [list, "/auth/token", list] });
  for (const realm of ["", "Registry", "//registry.invalid/auth/token", "auth/token"]) {
    expect(await at(realm)).toEqual({ tags: "REALM_REFUSED", asked: [list] });
  }
});

test.each([
  { token: null, access_token: "tok" },
  { token: "", access_token: "tok" },
  { token: "tok", access_token: null },
])("of two tokens the one that is there counts: %j", async (answer) => {
  const { registry, signal } = await challenging("", "", answer);
  expect(await registry.listTags(signal)).toEqual(["1"]);
});

describe("a refusal", () => {
  const content = "x";
  const blob = { digest: digestFromHex(createHash("sha256").update(content).digest("hex")), size: 1 };
  const login = { kind: "basic", username: "u", password: "secret" } as const;

  test.each([401, 403])(
    "of %i by the host to which a blob redirects names that host, and advises no login",
    async (status) => {
      const storage = await startServer((_request, response) => response.writeHead(status).end());
      const server = await startServer((_request, response) =>
        response.writeHead(307, { location: `http://${storage.host}/blob` }).end(),
      );
      const { registry, signal } = registryClient(server.host, { credentials: login });
      const error = await registry.openBlob(blob, restOf(blob, 0), signal).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        exitCode: 77,
        message: expect.stringContaining(`authentication failed at ${storage.host}`),
      });
      expect(error).toMatchObject({ hint: expect.stringContaining("a login does not help") });
      expect(JSON.stringify(error)).not.toContain("oras -- login");
    },
  );

  test.each([undefined, "Negotiate", "Digest realm=x"])(
    "with the challenge %j says that no login was sent",
    async (challenge) => {
      const server = await startServer((_request, response) =>
        response.writeHead(401, challenge === undefined ? {} : { "www-authenticate": challenge }).end(),
      );
      const { registry, signal } = registryClient(server.host, { credentials: login });
      const error = await registry.fetchManifest("1", signal).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: "REGISTRY_UNAUTHORIZED",
        hint: expect.stringContaining("no login was sent"),
      });
    },
  );
});
