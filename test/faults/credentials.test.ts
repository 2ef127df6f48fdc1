/** Where a login or a token goes and where it does not, with the executable as it is called; each row of what lures one out. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import * as access from "../support/registry/in-process/faults/access.ts";
import type { Fault } from "../support/registry/in-process/faults/fault.ts";
import * as network from "../support/registry/in-process/faults/network.ts";
import { manifestReads, tokenRequests } from "../support/registry/in-process/faults/selectors.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import type { InProcessRegistry } from "../support/registry/in-process/registry.ts";
import type { Ran } from "../support/run.ts";
import { fillRegistry } from "./artifact.ts";
import { blob } from "./scenarios/scenario.ts";

const user = "user";
const password = "hunter2";
const auth = Buffer.from(`${user}:${password}`).toString("base64");
const basic = `Basic ${auth}`;

async function filled(...faults: readonly Fault[]): Promise<InProcessRegistry> {
  const registry = await inProcessRegistry(...faults);
  fillRegistry(registry.storage);
  return registry;
}

interface Login {
  /** Key of the docker config → entry. */
  readonly auths?: Readonly<Record<string, object>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Pulls `t/tool:1` as one who is logged in to it, or as `login` says. */
async function pull(registry: InProcessRegistry, login: Login = {}): Promise<Ran & { readonly audit: string }> {
  const dir = temporaryFolder();
  mkdirSync(join(dir, "docker"));
  const auths = login.auths ?? { [registry.host]: { auth } };
  writeFileSync(join(dir, "docker/config.json"), JSON.stringify({ auths }));
  const env = { DOCKER_CONFIG: join(dir, "docker"), BUCK2_ORAS_CACHE_DIR: join(dir, "cache"), ...login.env };
  const args = ["pull", `${registry.host}/t/tool:1`, "-o", "out", "--verbose", "--audit-log", "audit"];
  const ran = await oras(args, { cwd: dir, env });
  return { ...ran, audit: readFileSync(join(dir, "audit"), "utf8") };
}

/** What a server was shown: nothing of a login. */
function expectNothingShown({ seen }: InProcessRegistry): void {
  for (const { headers } of seen) expect([headers.authorization, headers.cookie]).toEqual([undefined, undefined]);
}

describe("redirects", () => {
  test("there and back: no login and no cookie on the way, nor for the first host when it is asked again", async () => {
    let origin = "";
    const second = await filled((request, next, surroundings) =>
      access.redirectBlobs(origin, 302, "back")(request, next, surroundings),
    );
    const first = await filled(
      access.demandBasic(user, password, access.unsigned),
      access.redirectBlobs(`http://${second.host}`),
    );
    origin = `http://${first.host}`;
    const ran = await pull(first);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(second.seen).toHaveLength(1);
    expectNothingShown(second);
    expect(first.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, basic, basic, undefined]);
    expect(first.seen.map(({ headers }) => headers.cookie)).toEqual([undefined, undefined, undefined, undefined]);
  });

  test("to a host that asks for a token: it gets none, and its token service is not asked", async () => {
    const storage = await filled(access.ownTokens({ path: "/token" }));
    const registry = await filled(
      access.ownTokens({ path: "/token", login: { user, password } }),
      access.redirectBlobs(`http://${storage.host}`),
    );
    const ran = await pull(registry, { auths: { [registry.host]: { auth }, [storage.host]: { auth } } });
    expect(ran.exitCode).toBe(77);
    expect(storage.seen).toHaveLength(1);
    expectNothingShown(storage);
  });
});

describe("token services", () => {
  test.each([
    "file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data/iam",
    "http://0.0.0.0/token",
    "http://[fe80::1]/token",
    "not an address",
  ])("%s: refused, and nobody is asked", async (realm) => {
    const registry = await filled(access.demandToken({ realm, isGood: () => true }));
    const ran = await pull(registry);
    expect(ran.exitCode).toBe(77);
    expect(ran.stderr).toContain("REALM_REFUSED");
    expect(registry.seen).toHaveLength(1);
    expectNothingShown(registry);
  });

  test.each(["/token", "/v2/token", "/oauth2/token"])(
    "at %s of the registry's own host: asked with the login",
    async (path) => {
      const registry = await filled(access.ownTokens({ path, login: { user, password } }));
      const ran = await pull(registry);
      expect(ran.exitCode, ran.stderr).toBe(0);
      const shown = registry.seen.filter(({ headers }) => headers.authorization === basic);
      expect(shown.map(({ path: asked }) => asked.split("?", 1)[0])).toEqual([path]);
    },
  );

  test("on another host: asked with the login, which the registry itself never sees", async () => {
    const service = await inProcessRegistry(access.ownTokens({ path: "/token", login: { user, password } }));
    const registry = await filled(
      access.demandToken({ realm: `http://${service.host}/token`, isGood: (token) => token === "tok-0" }),
    );
    const ran = await pull(registry);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(service.seen.map(({ headers }) => headers.authorization)).toEqual([basic]);
    expect(registry.seen.map(({ headers }) => headers.authorization)).not.toContain(basic);
  });
});

describe("whom a login is for", () => {
  test.each<[string, (host: string) => string]>([
    ["a prefix of the host", (host) => host.slice(0, -1)],
    ["a part of the host", (host) => host.slice(1)],
    ["the host with more behind it", (host) => `${host}0`],
    ["the host without its port", (host) => host.split(":")[0] ?? ""],
    ["the host as another's subdomain", (host) => `${host.split(":")[0]}.example.com:${host.split(":")[1]}`],
  ])("the docker config has %s: not for it", async (_what, key) => {
    const registry = await filled(access.demandBasic(user, password));
    const ran = await pull(registry, { auths: { [key(registry.host)]: { auth } } });
    expect(ran.exitCode).toBe(77);
    expectNothingShown(registry);
  });

  test.each<[string, Record<string, string>]>([
    ["ORAS_USER and ORAS_PASS", { ORAS_USER: user, ORAS_PASS: password }],
    ["ORAS_TOKEN", { ORAS_TOKEN: password }],
  ])("%s of another registry: not for it", async (_what, variables) => {
    const registry = await filled(access.demandBasic(user, password));
    const env = { ...variables, BUCK2_ORAS_REGISTRY: "registry.example" };
    const ran = await pull(registry, { auths: {}, env });
    expect(ran.exitCode).toBe(77);
    expectNothingShown(registry);
  });
});

describe("a registry that echoes what it was shown: neither the log nor the audit log has it", () => {
  test.each<[string, Fault, object]>([
    ["a login", access.demandBasic(user, password), { auth }],
    ["a token for a login", access.ownTokens({ path: "/token", login: { user, password } }), { auth }],
    [
      "a token for an identity",
      access.ownTokens({ path: "/token", refreshToken: password }),
      { identitytoken: password },
    ],
  ])("%s", async (_what, asking, entry) => {
    const registry = await filled(access.echoAuthorization(manifestReads), asking);
    const ran = await pull(registry, { auths: { [registry.host]: entry } });
    expect(ran.exitCode).toBe(77);
    expect(ran.stderr).toContain("DENIED: bad header");
    expect(JSON.parse(ran.audit)).toMatchObject({ outcome: "REGISTRY_FORBIDDEN" });
    for (const text of [ran.stdout, ran.stderr, ran.audit]) {
      expect(text).not.toContain(password);
      expect(text).not.toContain(auth);
      expect(text).not.toMatch(/tok-[0-9]/);
    }
  });
});

test("a token service in trouble in mid-pull costs no byte: what came is there for the next process", async () => {
  const path = "/token";
  const isDown = { now: false };
  const down: Fault = (request, next) =>
    isDown.now && tokenRequests(path)(request) ? { ...next(), status: 503 } : next();
  const cutOnce = network.cutBody(2_000_000, 1);
  const registry = await filled(
    down,
    (request, next, surroundings) => {
      const before = cutOnce(request, next, surroundings);
      if (before.manner?.cutAfterBytes !== undefined) isDown.now = true;
      return before;
    },
    // One for the manifest, one for the blob; from then on there is none.
    access.ownTokens({ path, login: { user, password }, uses: 2 }),
  );
  const dir = temporaryFolder();
  mkdirSync(join(dir, "docker"));
  writeFileSync(join(dir, "docker/config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
  writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ timeouts: { totalSeconds: 120 } }));
  const env = { DOCKER_CONFIG: join(dir, "docker"), BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  const args = ["pull", `${registry.host}/t/tool:1`, "-o", "out"];
  const first = await oras(args, { cwd: dir, env });
  expect(first.exitCode, first.stderr).toBe(69);
  isDown.now = false;
  const second = await oras(args, { cwd: dir, env });
  expect(second.exitCode, second.stderr).toBe(0);
  const answered = registry.blobReads().filter(({ status }) => status < 300);
  expect(answered.reduce((sum, { sentBytes }) => sum + sentBytes, 0)).toBe(blob.length);
  expect(registry.blobReads().at(-1)?.headers.range).toBe("bytes=2000000-");
});
