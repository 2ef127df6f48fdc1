/** Whom a login reaches, with the executable as it is called: the registry that it is for, and nobody else on the way. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, type TestContext, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { sha256 } from "../support/layout-project.ts";
import { requireProgram } from "../support/peers.ts";
import { createPrivateCa } from "../support/private-ca.ts";
import { demandToken, ownTokens } from "../support/registry/in-process/faults/access.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import { type Handler, startServer, type TestServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import { type Ran, type RunOptions, run } from "../support/run.ts";
import { startTlsServer, type TlsServer } from "../support/tls-server.ts";

const tool = "#!/bin/sh\n";
const basic = `Basic ${Buffer.from("someone:hunter2").toString("base64")}`;

/** Lets nobody in, and lures a login out by either scheme. */
const luring: Handler = (_request, response, { host }) =>
  response
    .writeHead(401, { "www-authenticate": [`Bearer realm="http://${host}/token",service="x"`, 'Basic realm="x"'] })
    .end();

function guarded(authorization: string, serve: Handler): Handler {
  return (request, response, server) => {
    if (request.headers.authorization === authorization) serve(request, response, server);
    else response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
  };
}

/** Whatever a server was told, without what it was told itself. */
function told({ seen }: TestServer): string {
  return JSON.stringify(seen.map(({ headers, url, body }) => [headers, url, body]));
}

const secrets = /hunter2|aHVudGVy|c29tZW9uZ|authorization/i;

describe.each([
  ["ORAS_USER and ORAS_PASS", { ORAS_USER: "someone", ORAS_PASS: "hunter2" }, basic],
  ["ORAS_TOKEN", { ORAS_TOKEN: "hunter2" }, "Bearer hunter2"],
] as const)("%s", (_name, variables, authorization) => {
  const runOptions = (registry: string): RunOptions & { readonly cwd: string } => {
    const cwd = temporaryFolder();
    return { cwd, env: { ...variables, BUCK2_ORAS_REGISTRY: registry, BUCK2_ORAS_CACHE_DIR: join(cwd, "cache") } };
  };

  test("reach no mirror, whatever it asks for", async () => {
    const mirror = await startServer(luring);
    const origin = await startServer(guarded(authorization, serveTool(tool)));
    const options = runOptions(origin.host);
    const registries = { acme: { prefix: origin.host, mirrors: [mirror.host] } };
    writeFileSync(join(options.cwd, "buck2-oras.json"), JSON.stringify({ registries }));
    const ran = await oras(["pull", "t/tool:1"], options);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(mirror.seen.length).toBeGreaterThan(0);
    expect(told(mirror)).not.toMatch(secrets);
  });

  test("reach no storage that a blob is at", async () => {
    const storage = await startServer((request, response, self) => {
      if (request.url.startsWith("/first")) response.end(tool);
      else luring(request, response, self);
    });
    const elsewhere: Handler = (_request, response) =>
      response.writeHead(307, { location: `http://${storage.host}/first` }).end();
    const origin = await startServer(guarded(authorization, serveTool(tool, elsewhere)));
    const ran = await oras(["pull", "t/tool:1"], runOptions(origin.host));
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(storage.seen).toHaveLength(1);
    expect(told(storage)).not.toMatch(secrets);
  });

  test("reach the one registry of a copy that they are for, and not the other one", async () => {
    const other = await startServer(luring);
    const origin = await startServer(guarded(authorization, serveTool(tool)));
    const ran = await oras(["copy", "--no-referrers", "t/tool:1", `${other.host}/x:1`], runOptions(origin.host));
    expect(ran.exitCode, ran.stderr).toBe(77);
    expect(other.seen.length).toBeGreaterThan(0);
    expect(told(other)).not.toMatch(secrets);
    const back = await oras(["list", `${other.host}/x`], runOptions(origin.host));
    expect(back.exitCode).toBe(77);
    expect(told(other)).not.toMatch(secrets);
  });
});

test("a registry over TLS whose token service is not gets no login, and neither does the service", async (context) => {
  const dir = temporaryFolder();
  const ca = createPrivateCa(requireProgram(context, "openssl"), dir);
  const service = await inProcessRegistry(ownTokens({ path: "/token" }));
  const registry = await inProcessRegistry(demandToken({ realm: `http://${service.host}/token`, isGood: () => true }));
  const certificate = ca.sign("registry.test");
  const server = await startTlsServer({ name: "registry.test", certificate }, registry.listener);
  const login = { ORAS_USER: "someone", ORAS_PASS: "hunter2", BUCK2_ORAS_REGISTRY: server.host };
  const env = { ...server.env, ...login, SSL_CERT_FILE: ca.certificate, DOCKER_CONFIG: join(dir, "docker") };
  const listed = await oras(["list", "t/tool"], { cwd: dir, env });
  const args = ["login", server.host, "-u", "someone", "--password-stdin"];
  const loggedIn = await oras(args, { cwd: dir, env, input: "hunter2" });
  for (const ran of [listed, loggedIn]) {
    expect(ran.exitCode, ran.stderr).toBe(77);
    expect(ran.stderr).toMatch(/REALM_REFUSED\]: .*without encryption/);
  }
  expect(service.seen).toEqual([]);
  expect(registry.seen.length).toBeGreaterThan(0);
  for (const { headers } of registry.seen) expect(headers.authorization).toBeUndefined();
});

describe("certificates", () => {
  /** A registry that only its own authority vouches for. */
  async function vouchedFor(context: TestContext): Promise<{
    readonly dir: string;
    readonly server: TlsServer;
    /** Into `ROOT/certs.d/HOST`, the authority's own if no other text is given. */
    readonly put: (root: string, text?: string) => void;
    readonly list: (env: Record<string, string>, wrapper?: readonly string[]) => Promise<Ran>;
  }> {
    const dir = temporaryFolder();
    const ca = createPrivateCa(requireProgram(context, "openssl"), dir);
    const certificate = ca.sign("registry.test");
    const server = await startTlsServer({ name: "registry.test", certificate }, (_request, response) => {
      response.end('{"tags": ["1"]}');
    });
    const put = (root: string, text?: string): void => {
      const folder = join(root, "certs.d", server.host);
      mkdirSync(folder, { recursive: true });
      if (text === undefined) copyFileSync(ca.certificate, join(folder, "ca.crt"));
      else writeFileSync(join(folder, "ca.crt"), text);
    };
    const list = (env: Record<string, string>, wrapper: readonly string[] = []): Promise<Ran> => {
      const args = ["list", `${server.host}/t/tool`, "--timeout", "120"];
      const [program = "", ...rest] = [...wrapper, process.execPath, inject("executable"), ...args];
      return run(program, rest, { cwd: dir, env: { ...server.env, ...env } });
    };
    return { dir, server, put, list };
  }

  test("of each of the folders of a user, the first one that has the host", async (context) => {
    const { dir, put, list } = await vouchedFor(context);
    for (const [index, path] of [".docker", ".config/docker", ".config/containers"].entries()) {
      const home = join(dir, `home-${index}`);
      mkdirSync(home);
      expect((await list({ HOME: home })).exitCode, path).toBe(69);
      put(join(home, path));
      expect(await list({ HOME: home }), path).toMatchObject({ exitCode: 0, stdout: "1\n" });
    }
    const config = join(dir, "xdg");
    put(join(config, "containers"));
    expect((await list({ XDG_CONFIG_HOME: config })).exitCode).toBe(0);
    // The folder of Docker's comes first, and what is in it counts.
    put(join(config, "docker"), "nonsense");
    expect((await list({ XDG_CONFIG_HOME: config })).exitCode).toBe(78);
  });

  test.for(["docker", "containers"])("of the machine, in /etc/%s", async (name, context) => {
    const { dir, put, list } = await vouchedFor(context);
    const etc = join(dir, "etc");
    mkdirSync(etc);
    put(join(etc, name));
    // In a mount namespace of its own, which sees another /etc; the machine's stays as it is.
    const unshare = [requireProgram(context, "unshare"), "--map-root-user", "--mount"];
    const isAllowed =
      (await run(unshare[0] ?? "", [...unshare.slice(1), "mount", "--bind", etc, "/etc"])).exitCode === 0;
    if (!isAllowed) context.skip("this machine allows no mount namespace");
    const elsewhere = [...unshare, "sh", "-c", `mount --bind '${etc}' /etc && exec "$@"`, "sh"];
    expect((await list({})).exitCode).toBe(69);
    expect(await list({}, elsewhere)).toMatchObject({ exitCode: 0, stdout: "1\n" });
  });
});

test("a blob by its digest alone says as little to a mirror", async () => {
  const mirror = await startServer(luring);
  const origin = await startServer(guarded(basic, serveTool(tool)));
  const dir = temporaryFolder();
  const registries = { acme: { prefix: origin.host, mirrors: [mirror.host] } };
  writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ registries }));
  const auths = { [origin.host]: { auth: Buffer.from("someone:hunter2").toString("base64") } };
  mkdirSync(join(dir, "docker"));
  writeFileSync(join(dir, "docker", "config.json"), JSON.stringify({ auths }));
  const env = { DOCKER_CONFIG: join(dir, "docker"), BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  const reference = `acme/t/tool@${sha256(tool)}`;
  const ran = await oras(["blob", reference, "--size", String(tool.length), "-o", "tool"], { cwd: dir, env });
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(told(mirror)).not.toMatch(secrets);
});
