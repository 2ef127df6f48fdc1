/** TLS and proxies where something is wrong, and each place where a certificate may be named. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { describe, expect, type TestContext, test } from "vitest";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { aliasesOfLoopback } from "../support/hosts-alias.ts";
import { requireProgram } from "../support/peers.ts";
import { createPrivateCa, type PrivateCa } from "../support/private-ca.ts";
import { startForwardProxy } from "../support/proxy.ts";
import { startServer } from "../support/registry/server.ts";
import { startTlsServer } from "../support/tls-server.ts";
import { startTokenServer } from "../support/token-server.ts";

interface TlsSite {
  readonly dir: string;
  readonly host: string;
  /** `HOST:PORT` of the server by name → by address, for proxies. */
  readonly hosts: Readonly<Record<string, string>>;
  readonly ca: PrivateCa;
  /** Where Docker would look for this host's certificates. */
  readonly certsDir: string;
  readonly list: (args?: readonly string[], env?: Record<string, string>) => ReturnType<typeof oras>;
}

const name = "registry.test";

/** A server that has the tag `1`, over TLS with a certificate of a private authority. */
async function tlsSite(context: TestContext, isMutual = false): Promise<TlsSite> {
  const dir = temporaryFolder();
  const ca = createPrivateCa(requireProgram(context, "openssl"), dir);
  const clients = isMutual ? { clientsOf: ca.certificate } : {};
  const server = await startTlsServer({ name, certificate: ca.sign(name), ...clients }, (_request, response) => {
    response.end('{"tags": ["1"]}');
  });
  const { host } = server;
  const certsDir = join(dir, "docker", "certs.d", host);
  mkdirSync(certsDir, { recursive: true });
  const base = { ...server.env, DOCKER_CONFIG: join(dir, "docker"), BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  const list: TlsSite["list"] = (args = [], env = {}) =>
    oras(["list", `${host}/t/tool`, ...args], { cwd: dir, env: { ...base, ...env } });
  return { dir, host, hosts: { [host]: server.address }, ca, certsDir, list };
}

describe("a private authority", () => {
  test("that nobody named is exit 69 and says where to name it", async (context) => {
    const { host, list } = await tlsSite(context);
    const ran = await list(["--timeout", "120", "--verbose"]);
    expect(ran.exitCode).toBe(69);
    expect(ran.stderr).toContain(`cannot talk to ${host}: TLS failed: the certificate's authority is not trusted`);
    expect(ran.stderr).not.toContain("trying again");
    expect(ran.stderr).toMatch(/hint: .*--ca-file/);
  });

  test("is believed from --ca-file, SSL_CERT_FILE, NODE_EXTRA_CA_CERTS and Docker's certs.d", async (context) => {
    const { ca, certsDir, list } = await tlsSite(context);
    const listed = { exitCode: 0, stdout: "1\n" };
    expect(await list(["--ca-file", ca.certificate])).toMatchObject(listed);
    expect(await list([], { SSL_CERT_FILE: ca.certificate })).toMatchObject(listed);
    expect(await list([], { NODE_EXTRA_CA_CERTS: ca.certificate })).toMatchObject(listed);
    copyFileSync(ca.certificate, join(certsDir, "ca.crt"));
    expect(await list()).toMatchObject(listed);
  });

  test("one that is named takes none of the others away", async (context) => {
    const { dir, ca, list } = await tlsSite(context);
    mkdirSync(join(dir, "other"));
    const other = createPrivateCa(requireProgram(context, "openssl"), join(dir, "other"));
    expect(await list(["--ca-file", other.certificate], { NODE_EXTRA_CA_CERTS: ca.certificate })).toMatchObject({
      exitCode: 0,
    });
  });

  test("a file that is missing or no certificate is exit 78 and named", async (context) => {
    const { dir, list } = await tlsSite(context);
    const missing = await list(["--ca-file", "nowhere.pem"]);
    expect(missing.exitCode).toBe(78);
    expect(missing.stderr).toMatch(/CONFIG_INVALID\]: cannot read the certificates in \S+nowhere\.pem/);
    writeFileSync(join(dir, "empty.pem"), "hello");
    expect((await list([], { SSL_CERT_FILE: join(dir, "empty.pem") })).stderr).toMatch(/empty\.pem is not a PEM file/);
  });
});

test("a registry that wants a client certificate gets the one of certs.d; without its key it is said", async (context) => {
  const { ca, certsDir, list } = await tlsSite(context, true);
  copyFileSync(ca.certificate, join(certsDir, "ca.crt"));
  expect((await list(["--timeout", "120"])).exitCode).toBe(69);
  const { certificate, key } = ca.sign("someone");
  copyFileSync(certificate, join(certsDir, "client.cert"));
  const half = await list();
  expect(half.exitCode).toBe(78);
  expect(half.stderr).toContain("client.key");
  copyFileSync(key, join(certsDir, "client.key"));
  expect(await list()).toMatchObject({ exitCode: 0, stdout: "1\n" });
});

describe("a proxy", () => {
  test("that wants another login: exit 69, and its answer lures no login of the registry out", async (context) => {
    const { dir, host, hosts, ca, list } = await tlsSite(context);
    const proxy = await startForwardProxy("right:login", { hosts });
    context.onTestFinished(proxy.close);
    const auth = Buffer.from("user:secret").toString("base64");
    writeFileSync(join(dir, "docker/config.json"), JSON.stringify({ auths: { [host]: { auth } } }));
    const env = { HTTPS_PROXY: `http://wrong:passw0rd@${proxy.host}`, SSL_CERT_FILE: ca.certificate };
    const ran = await list(["--verbose"], env);
    expect(ran.exitCode).toBe(69);
    expect(ran.stderr).toContain(`PROXY_REFUSED]: the proxy ${proxy.host} refused ${host}: status 407`);
    expect(ran.stderr).toMatch(/hint: write the proxy's login/);
    expect(ran.stderr).not.toMatch(/passw0rd|secret/);
    expect(proxy.passed).toEqual([]);
  });

  test("that is not there is named; NO_PROXY goes around it", async (context) => {
    const { host, ca, list } = await tlsSite(context);
    const env = { HTTPS_PROXY: "http://localhost:1", SSL_CERT_FILE: ca.certificate };
    const ran = await list([], env);
    expect(ran.exitCode).toBe(69);
    expect(ran.stderr).toContain(`cannot talk to ${host} through the proxy localhost:1: connection refused`);
    expect(await list([], { ...env, NO_PROXY: "example.com,.test" })).toMatchObject({ exitCode: 0 });
  });

  test("passes plain http on, with its login and without ours showing in the log", async (context) => {
    const found = await startDockerRegistry(requireProgram(context, "docker-registry"));
    context.onTestFinished(found.stop);
    const registry = { host: `${name}:5000` };
    const proxy = await startForwardProxy("u:p", { hosts: { [registry.host]: found.host } });
    context.onTestFinished(proxy.close);
    const dir = temporaryFolder();
    writeFileSync(join(dir, "tool"), "#!/bin/sh\n");
    writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ plainHttpHosts: [registry.host] }));
    const env = { HTTP_PROXY: `http://u:p@${proxy.host}`, BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
    const pushed = await oras(["push", `${registry.host}/t/tool:1`, "tool"], { cwd: dir, env });
    expect(pushed.exitCode, pushed.stderr).toBe(0);
    const pulled = await oras(["pull", `${registry.host}/t/tool:1`], { cwd: dir, env });
    expect(pulled.exitCode, pulled.stderr).toBe(0);
    expect(proxy.passed.length).toBeGreaterThan(3);
    const refused = await oras(["list", `${registry.host}/t/tool`], {
      cwd: dir,
      env: { ...env, HTTP_PROXY: `http://${proxy.host}` },
    });
    expect(refused.stderr).toContain("PROXY_REFUSED");
  });
});

describe("a proxy that speaks TLS with a certificate of a private authority", () => {
  test.for(["https", "http"])("passes %s on", async (scheme, context) => {
    const dir = temporaryFolder();
    const ca = createPrivateCa(requireProgram(context, "openssl"), dir);
    const answer: RequestListener = (_request, response) => void response.end('{"tags": ["1"]}');
    const host = `${name}:5000`;
    const address =
      scheme === "https"
        ? (await startTlsServer({ name, certificate: ca.sign(name) }, answer)).address
        : (await startServer((_request, response) => void response.end('{"tags": ["1"]}'))).host;
    const tls = ca.sign("localhost");
    const proxy = await startForwardProxy("u:p", { hosts: { [host]: address }, tls });
    context.onTestFinished(proxy.close);
    const through = `https://u:p@${proxy.host.replace("127.0.0.1", "localhost")}`;
    const args = ["list", `${host}/t/tool`, "--timeout", "120", ...(scheme === "http" ? ["--plain-http"] : [])];
    const env = { HTTPS_PROXY: through, HTTP_PROXY: through };
    expect(await oras([...args, "--ca-file", ca.certificate], { cwd: dir, env })).toMatchObject({
      exitCode: 0,
      stdout: "1\n",
    });
    expect(proxy.passed).toHaveLength(1);
    const untrusted = await oras(args, { cwd: dir, env });
    expect(untrusted.exitCode).toBe(69);
    expect(untrusted.stderr).toMatch(/through the proxy localhost:\d+: TLS failed: .*not trusted/);
  });
});

test("plain http is spoken off loopback only to hosts that were asked for", async (context) => {
  const registry = await startDockerRegistry(requireProgram(context, "docker-registry"));
  context.onTestFinished(registry.stop);
  const host = registry.host.replace(/^[^:]+/, name);
  const env = aliasesOfLoopback(name);
  const list = (...args: string[]) => oras(["list", `${host}/t/tool`, ...args], { cwd: temporaryFolder(), env });
  const secure = await list("--timeout", "120");
  expect(secure.exitCode).toBe(69);
  expect(secure.stderr).toMatch(/hint: .*--plain-http/);
  // It answers, and has no such repository.
  expect((await list("--plain-http")).exitCode).toBe(66);
});

test("what is public is pulled without a login, with an anonymous token", async (context) => {
  const dir = temporaryFolder();
  const tokens = await startTokenServer({ dir, user: "user", password: "secret", publicPrefix: "public/" });
  context.onTestFinished(tokens.close);
  const registry = await startDockerRegistry(requireProgram(context, "registry"), { token: tokens.auth });
  context.onTestFinished(registry.stop);
  writeFileSync(join(dir, "tool"), "#!/bin/sh\n");
  const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache"), BUCK2_ORAS_REGISTRY: registry.host };
  const login = { ...env, ORAS_USER: "user", ORAS_PASS: "secret" };
  for (const repository of ["public/tool", "private/tool"]) {
    const pushed = await oras(["push", `${repository}:1`, "tool"], { cwd: dir, env: login });
    expect(pushed.exitCode, pushed.stderr).toBe(0);
  }
  expect((await oras(["pull", "public/tool:1"], { cwd: dir, env })).exitCode).toBe(0);
  const refused = await oras(["list", "private/tool"], { cwd: dir, env });
  expect(refused.exitCode).toBe(77);
  expect(refused.stderr).toContain(`buck2-oras login ${registry.host}`);
  // Two scopes, two tokens.
  expect(tokens.seen).toContain("anybody repository:public/tool:pull");
  expect(tokens.seen).toContain("anybody repository:private/tool:pull");
});

test("a name that is not known is looked up once; a name service that does not answer is asked again", async () => {
  const preload = join(temporaryFolder(), "names.cjs");
  const failing = `
const dns = require("node:dns");
dns.lookup = (name, options, done) => {
  const code = name === "unknown.test" ? "ENOTFOUND" : "EAI_AGAIN";
  process.nextTick(done ?? options, Object.assign(new Error("getaddrinfo " + code), { code }));
};`;
  writeFileSync(preload, failing);
  const env = { NODE_OPTIONS: `--require=${preload}` };
  const unknown = await oras(["list", "unknown.test/t", "--verbose"], { env });
  expect(unknown.exitCode).toBe(69);
  expect(unknown.stderr).toContain("cannot talk to unknown.test: host name unknown");
  expect(unknown.stderr).not.toContain("trying again");
  const busy = await oras(["list", "busy.test/t", "--verbose"], { env });
  expect(busy.exitCode).toBe(69);
  expect(busy.stderr.match(/trying again/g)).toHaveLength(4);
});
