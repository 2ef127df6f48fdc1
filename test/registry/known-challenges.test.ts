/** Several repositories of one host, in one process: the host names its token service once. */
import { describe, expect, test } from "vitest";
import type { Credentials } from "../../src/model/credentials.ts";
import { RegistryApi } from "../../src/registry/api.ts";
import { KnownChallenges } from "../../src/registry/known-challenges.ts";
import { noSignal, testContext } from "../support/context.ts";
import { testHttpClient } from "../support/http-client.ts";
import { startServer, type TestServer } from "../support/registry/server.ts";

interface Desk {
  readonly server: TestServer;
  /** Status of a GET in the repository. */
  readonly read: (repository: string) => Promise<number>;
  /** Requests since the last call: the path, and the token if one was sent. */
  readonly seen: () => readonly string[];
}

/** A token service that takes requests and does not answer; `timeoutMs` is the client's patience. */
interface Hanging {
  readonly isHanging: () => boolean;
  readonly timeoutMs: number;
}

/**
 * A host with a token service for each repository, `/token/NAME` or `/token`.
 *
 * @param servesAll False: each repository takes the tokens of its own service alone.
 */
async function desk(
  servesAll: boolean,
  credentials: "none" | "basic" | ReadonlyMap<string, Credentials> = "none",
  { isHanging, timeoutMs }: Hanging = { isHanging: () => false, timeoutMs: 60_000 },
): Promise<Desk> {
  const server = await startServer(({ url, headers }, response, { host }) => {
    const { pathname, searchParams } = new URL(url, `http://${host}`);
    if (pathname.startsWith("/token")) {
      if (isHanging()) return;
      response.end(JSON.stringify({ token: `${pathname.slice(7)}|${searchParams.getAll("scope").join(" ")}` }));
      return;
    }
    const repository = pathname.split("/")[2] ?? "";
    const service = servesAll ? "" : repository;
    if (headers.authorization === `Bearer ${service}|repository:${repository}:pull`) {
      response.end("content");
      return;
    }
    const realm = `http://${host}/token/${service}`;
    const challenge = `Bearer realm="${realm}",service="s",scope="repository:${repository}:pull"`;
    response.writeHead(401, { "www-authenticate": challenge }).end();
  });
  const { http } = testHttpClient({ idleTimeoutMs: timeoutMs });
  const known = new KnownChallenges();
  const login = { kind: "basic", username: "me", password: "secret" } as const;
  const loginOf = (repository: string): Credentials => {
    if (typeof credentials === "object") return credentials.get(repository) ?? { kind: "none" };
    return credentials === "basic" ? login : { kind: "none" };
  };
  let told = 0;
  return {
    server,
    read: async (repository) => {
      const deps = {
        http,
        context: testContext(),
        credentials: () => Promise.resolve({ credentials: loginOf(repository), foundIn: "the test" }),
        known,
        isPlainHttp: true,
      };
      const api = new RegistryApi({ kind: "registry", registry: server.host, repository }, deps);
      const response = await api.call({ method: "GET", url: api.url("tags/list"), signal: noSignal }, "pull");
      await response.discard();
      return response.status;
    },
    seen: () => {
      const news = server.seen.slice(told);
      told = server.seen.length;
      return news.map(({ url, headers }) => `${headers.authorization?.split(" ")[0] ?? "-"} ${url.split("?")[0]}`);
    },
  };
}

describe("repositories of one host", () => {
  test("known challenge: the first one costs three requests, each further one two", async () => {
    const { read, seen } = await desk(true);
    expect(await read("a")).toBe(200);
    expect(seen()).toEqual(["- /v2/a/tags/list", "- /token/", "Bearer /v2/a/tags/list"]);
    for (const name of ["b", "c"]) {
      expect(await read(name)).toBe(200);
      expect(seen()).toEqual(["- /token/", `Bearer /v2/${name}/tags/list`]);
    }
  });

  test("known challenge: the login goes to the service that the host named", async () => {
    const { read, seen } = await desk(true, "basic");
    expect(await read("a")).toBe(200);
    expect(await read("b")).toBe(200);
    expect(seen().slice(3)).toEqual(["Basic /token/", "Bearer /v2/b/tags/list"]);
  });

  test("known challenge: the login of a repository does not go to the service of another one", async () => {
    const owner = { kind: "basic", username: "owner of b", password: "secret" } as const;
    const other = { kind: "basic", username: "owner of d", password: "secret" } as const;
    const logins = new Map<string, Credentials>([
      ["b", owner],
      ["c", owner],
      ["d", other],
    ]);
    const { read, seen } = await desk(false, logins);
    expect(await read("a")).toBe(200);
    expect(await read("b")).toBe(200);
    expect(await read("d")).toBe(200);
    expect(seen().filter((one) => one.startsWith("Basic"))).toEqual(["Basic /token/b", "Basic /token/d"]);
    // A service that has seen this login.
    expect(await read("c")).toBe(200);
    expect(seen()).toEqual(["Basic /token/b", "Bearer /v2/c/tags/list", "Basic /token/c", "Bearer /v2/c/tags/list"]);
  });

  test("known challenge: a host with a service for each repository is asked as before, after one try", async () => {
    const { read, seen } = await desk(false);
    expect(await read("a")).toBe(200);
    seen();
    expect(await read("b")).toBe(200);
    expect(seen()).toEqual(["- /token/a", "Bearer /v2/b/tags/list", "- /token/b", "Bearer /v2/b/tags/list"]);
    expect(await read("c")).toBe(200);
    expect(seen()).toEqual(["- /v2/c/tags/list", "- /token/c", "Bearer /v2/c/tags/list"]);
  });
});

test("known challenge: a service that hung is not asked ahead for a further repository", async () => {
  let hangs = false;
  const { server, read, seen } = await desk(true, "none", { isHanging: () => hangs, timeoutMs: 100 });
  expect(await read("a")).toBe(200);
  hangs = true;
  // Without a token the registry is asked, and names the service that hangs.
  await expect(read("b")).rejects.toThrow("cannot talk to");
  const tokens = () => server.seen.filter(({ url }) => url.startsWith("/token")).length;
  const before = tokens();
  seen();
  hangs = false;
  // No token before the registry's own challenge.
  expect(await read("c")).toBe(200);
  expect(seen()).toEqual(["- /v2/c/tags/list", "- /token/", "Bearer /v2/c/tags/list"]);
  expect(tokens()).toBe(before + 1);
  // The service works, and is known again.
  expect(await read("d")).toBe(200);
  expect(seen()).toEqual(["- /token/", "Bearer /v2/d/tags/list"]);
});

test("known challenge: scopes of its repository are dropped, opaque scopes stay", () => {
  const known = new KnownChallenges();
  const parameters = new Map([
    ["realm", "https://r/token"],
    ["scope", "repository:a:pull aws"],
  ]);
  const nobody = { kind: "none" } as const;
  known.note("https://r", nobody, { scheme: "bearer", parameters });
  expect(known.get("https://r", nobody)?.parameters.get("scope")).toBe("aws");
  expect(known.get("https://r", { kind: "identity", token: "t" })).toBeUndefined();
  expect(known.get("https://other", nobody)).toBeUndefined();
});
