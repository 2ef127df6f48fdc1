/** What registries ask for, how they list, and where they send: each quirk as a fault of the in-process registry. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import * as access from "../support/registry/in-process/faults/access.ts";
import * as network from "../support/registry/in-process/faults/network.ts";
import * as vendors from "../support/registry/in-process/faults/vendors.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import type { InProcessRegistry } from "../support/registry/in-process/registry.ts";
import { startServer } from "../support/registry/server.ts";
import type { Ran } from "../support/run.ts";

const tool = randomBytes(100_000);

interface Desk {
  readonly dir: string;
  readonly call: (...args: string[]) => Promise<Ran>;
}

/** A working folder with `tool` in it, and a login for the hosts. */
function desk(...hosts: readonly string[]): Desk {
  const dir = temporaryFolder();
  mkdirSync(join(dir, "docker"));
  const auth = Buffer.from("user:secret").toString("base64");
  const auths = Object.fromEntries(hosts.map((host) => [host, { auth }]));
  writeFileSync(join(dir, "docker/config.json"), JSON.stringify({ auths }));
  writeFileSync(join(dir, "tool"), tool);
  const env = { DOCKER_CONFIG: join(dir, "docker"), BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  return { dir, call: (...args) => oras([...args, "--verbose"], { cwd: dir, env }) };
}

function expectDone(ran: Ran): void {
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(ran.stderr + ran.stdout).not.toMatch(/secret|tok-[0-9]|signature|Basic |Bearer [a-z0-9]/);
}

/** A token service whose tokens are good for `uses` requests each. */
async function tokenService(
  uses: number,
): Promise<{ realm: string; isGood: (token: string) => boolean; asked: () => string[] }> {
  const left = new Map<string, number>();
  const server = await startServer((_request, response, { seen }) => {
    const token = `tok-${seen.length}`;
    left.set(token, uses);
    response.end(JSON.stringify({ token }));
  });
  const isGood = (token: string): boolean => {
    const rest = left.get(token) ?? 0;
    left.set(token, rest - 1);
    return rest > 0;
  };
  return { realm: `http://${server.host}/token`, isGood, asked: () => server.seen.map(({ url }) => url) };
}

describe("tokens", () => {
  test.each([401, 403] as const)(
    "one that runs out in the middle of a push or pull (%i) is renewed",
    async (staleStatus) => {
      const tokens = await tokenService(2);
      const registry = await inProcessRegistry(access.demandToken({ ...tokens, staleStatus }));
      const { dir, call } = desk(registry.host);
      expectDone(await call("push", `${registry.host}/t/tool:1`, "tool"));
      expectDone(await call("pull", `${registry.host}/t/tool:1`, "-o", "out"));
      expect(readFileSync(join(dir, "out/tool")).equals(tool)).toBe(true);
      expect(tokens.asked().length).toBeGreaterThan(2);
    },
  );

  test("two repositories and two registries have four scopes and tokens of their own", async () => {
    const first = await tokenService(1000);
    const second = await tokenService(1000);
    const one = await inProcessRegistry(access.demandToken(first));
    const other = await inProcessRegistry(access.demandToken(second));
    const { call } = desk(one.host, other.host);
    for (const { host } of [one, other]) {
      for (const repository of ["a/tool", "b/tool"]) expectDone(await call("push", `${host}/${repository}:1`, "tool"));
    }
    const scopes = [/repository%3Aa%2Ftool%3Apull%2Cpush/, /repository%3Ab%2Ftool%3Apull%2Cpush/];
    for (const tokens of [first, second]) {
      for (const scope of scopes) expect(tokens.asked().filter((url) => scope.test(url))).toHaveLength(1);
    }
    const sent = (registry: InProcessRegistry): unknown[] =>
      registry.seen.map(({ path, headers }) => [/^\/v2\/(.)\//.exec(path)?.[1], headers.authorization]);
    // A token goes to the repository that it was asked for.
    const tokensOf = (registry: InProcessRegistry, name: string): Set<unknown> =>
      new Set(sent(registry).flatMap((pair) => (Array.isArray(pair) && pair[0] === name && pair[1] ? [pair[1]] : [])));
    const [a, b] = [tokensOf(one, "a"), tokensOf(one, "b")];
    expect(a.size).toBe(1);
    expect([...a].some((token) => b.has(token))).toBe(false);
  });
});

describe("where things are sent", () => {
  test("an upload to another host carries no login, and a blob from there needs none", async () => {
    const storage = await inProcessRegistry(access.refuseAuthorization());
    const registry = await inProcessRegistry(
      access.demandBasic("user", "secret"),
      access.uploadElsewhere(`http://${storage.host}`),
    );
    const { call } = desk(registry.host, storage.host);
    // The other host knows no such upload: what counts is what it was shown.
    expect((await call("push", `${registry.host}/t/tool:1`, "tool")).exitCode).not.toBe(0);
    const uploads = storage.seen.filter(({ method }) => method === "PUT");
    expect(uploads.length).toBeGreaterThan(0);
    for (const { headers } of storage.seen) expect(headers.authorization).toBeUndefined();
  });

  test("a signed address is in no log", async () => {
    const registry = await inProcessRegistry(access.demandBasic("user", "secret"), access.redirectBlobs("", 302));
    const { call } = desk(registry.host);
    expectDone(await call("push", `${registry.host}/t/tool:1`, "tool"));
    expectDone(await call("pull", `${registry.host}/t/tool:1`));
    expect(registry.blobReads().some(({ path }) => path.includes("signature=secret"))).toBe(true);
  });

  test("a cap on one PATCH is not met: a blob is one PUT", async () => {
    const registry = await inProcessRegistry(vendors.capPatch(4 * 1024 * 1024));
    const { dir, call } = desk();
    writeFileSync(join(dir, "large"), randomBytes(5 * 1024 * 1024));
    expectDone(await call("push", `${registry.host}/t/tool:1`, "large", "--compression", "none"));
    expect(registry.seen.map(({ method }) => method)).not.toContain("PATCH");
  });

  test("no referrers API: doctor says what stands in for it", async () => {
    const registry = await inProcessRegistry(vendors.noReferrers());
    const { call } = desk();
    expectDone(await call("push", `${registry.host}/t/tool:1`, "tool"));
    const ran = await call("doctor", `${registry.host}/t/tool:1`);
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toMatch(/referrers +ok .*no API \(404\)/);
  });

  test("a registry that is slow to answer is waited for", async () => {
    const registry = await inProcessRegistry(network.slowHead(1500, 2));
    const { call } = desk();
    expectDone(await call("push", `${registry.host}/t/tool:1`, "tool"));
  });
});

describe("Link", () => {
  const list = async (link: (page: URL) => string): Promise<Ran> => {
    const registry = await inProcessRegistry(vendors.linkTags(link));
    registry.storage.open("t/tool").tags.set("1", "sha256:x");
    return await oras(["list", `${registry.host}/t/tool`, "--timeout", "60"]);
  };

  test.each<[string, (page: URL) => string]>([
    ["to another host", () => "http://127.0.0.2:5000/v2/t/tool/tags/list"],
    ["to another port", ({ hostname }) => `http://${hostname}:1/v2/t/tool/tags/list`],
    ["to another scheme", ({ host }) => `https://${host}/v2/t/tool/tags/list`],
    ["to itself", ({ href }) => href],
    [
      "that never ends",
      ({ pathname, searchParams }) => `${pathname}?page=${Number(searchParams.get("page") ?? 0) + 1}`,
    ],
  ])("%s is refused and said so", async (_what, link) => {
    const ran = await list(link);
    expect(ran.exitCode, ran.stdout).toBe(69);
    expect(ran.stderr).toContain("PAGINATION_REFUSED");
  });

  test("with `next_page`, as Quay has it, is followed", async () => {
    const ran = await list(({ pathname, searchParams }) =>
      searchParams.has("next_page") ? "" : `${pathname}?next_page=x`,
    );
    expect(ran).toMatchObject({ exitCode: 0, stdout: "1\n1\n" });
  });
});
