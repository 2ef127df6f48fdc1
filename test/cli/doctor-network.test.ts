/** What `doctor` says of certificates, proxies, token services and mirrors. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, type TestContext, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { createPrivateCa, type Validity } from "../support/private-ca.ts";
import { startForwardProxy } from "../support/proxy.ts";
import { type Handler, startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import type { RunOptions } from "../support/run.ts";
import { startTlsServer, type TlsServer } from "../support/tls-server.ts";

interface Row {
  readonly name: string;
  readonly status: string;
  readonly detail: string;
  readonly hint: string | null;
}

interface Diagnosed {
  readonly exitCode: number | null;
  readonly row: (name: string) => Row | undefined;
  readonly rows: (name: string) => Row[];
}

async function doctor(reference: string, options: RunOptions = {}): Promise<Diagnosed> {
  const dir = temporaryFolder();
  const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache"), ...options.env };
  const ran = await oras(["doctor", reference, "--json", "--timeout", "120"], { cwd: dir, ...options, env });
  const { checks } = JSON.parse(ran.stdout) as { checks: Row[] };
  const rows = (name: string): Row[] => checks.filter((check) => check.name === name);
  return { exitCode: ran.exitCode, rows, row: (name) => rows(name)[0] };
}

interface TlsCase {
  readonly server: TlsServer;
  /** Variables with which the name is known and the authority trusted. */
  readonly env: Record<string, string>;
}

/** @param subject Whom the certificate is for. */
async function tlsCase(context: TestContext, subject = "registry.test", validity?: Validity): Promise<TlsCase> {
  const ca = createPrivateCa(requireProgram(context, "openssl"), temporaryFolder());
  const certificate = ca.sign(subject, validity);
  const server = await startTlsServer({ name: "registry.test", certificate }, (_request, response) => {
    response.end("{}");
  });
  return { server, env: { ...server.env, SSL_CERT_FILE: ca.certificate } };
}

describe("the certificate", () => {
  test("that is good: protocol, authority and end", async (context) => {
    const { server, env } = await tlsCase(context);
    const { row } = await doctor(`${server.host}/t/tool:1`, { env });
    const detail = expect.stringMatching(
      /^TLSv1\.3, certificate of Tests, CA of the tests, valid to 20\d\d-\d\d-\d\d$/,
    );
    expect(row("connection")).toMatchObject({ status: "ok", detail });
  });

  test("that ends soon is a warning", async (context) => {
    const { server, env } = await tlsCase(context, "registry.test", "a day");
    const { row } = await doctor(`${server.host}/t/tool:1`, { env });
    expect(row("connection")).toMatchObject({ status: "warning", hint: expect.stringContaining("expires soon") });
  });

  test("that has expired, is for another host, or is nobody's that is trusted: each is told", async (context) => {
    const expired = await tlsCase(context, "registry.test", "over");
    const other = await tlsCase(context, "other.test");
    const good = await tlsCase(context);
    for (const [{ server, env }, detail, hint] of [
      [expired, "the certificate has expired", "clock"],
      [other, "the certificate is for another host: DNS:other.test", "spelling"],
      [{ ...good, env: good.server.env }, "the certificate's authority is not trusted", "--ca-file"],
    ] as const) {
      const { exitCode, row } = await doctor(`${server.host}/t/tool:1`, { env });
      expect(exitCode).toBe(69);
      expect(row("connection")).toMatchObject({
        status: "failed",
        detail: expect.stringContaining(`TLS failed: ${detail}`),
        hint: expect.stringContaining(hint),
      });
      expect(row("registry")?.status).toBe("skipped");
    }
  });

  test("is seen through a proxy, which is named; one that wants a login is the finding", async (context) => {
    const { server, env } = await tlsCase(context);
    // The proxy knows the name, and this machine does not.
    const proxy = await startForwardProxy("u:p", { hosts: { [server.host]: server.address } });
    context.onTestFinished(proxy.close);
    const through = { SSL_CERT_FILE: env.SSL_CERT_FILE ?? "", HTTPS_PROXY: `http://u:p@${proxy.host}` };
    const { row } = await doctor(`${server.host}/t/tool:1`, { env: through });
    expect(row("proxy")).toMatchObject({ status: "ok", detail: proxy.host });
    expect(row("dns")?.detail).toBe(`${proxy.host} is 127.0.0.1`);
    expect(row("connection")).toMatchObject({
      status: "ok",
      detail: expect.stringContaining("certificate of Tests, CA of the tests"),
    });
    const refused = await doctor(`${server.host}/t/tool:1`, {
      env: { ...through, HTTPS_PROXY: `http://${proxy.host}` },
    });
    expect(refused.row("connection")).toMatchObject({
      status: "failed",
      detail: expect.stringContaining("PROXY_REFUSED"),
    });
  });
});

const tool = "#!/bin/sh\necho tool\n";

describe("the registry", () => {
  test("that serves ranges", async () => {
    const server = await startServer((request, response, self) => {
      if (!request.headers.range) return serveTool(tool)(request, response, self);
      const start = tool.length - 1;
      response.writeHead(206, { "content-range": `bytes ${start}-${start}/${tool.length}` }).end(tool.slice(start));
    });
    const { row } = await doctor(`${server.host}/t/tool:1`);
    expect(row("range")).toMatchObject({ status: "ok", detail: expect.stringContaining("supported") });
  });

  test("with a token service: it has a row, whether it gives a token or does not", async () => {
    let status = 200;
    const service = await startServer((_request, response) => response.writeHead(status).end('{"token": "tok"}'));
    const server = await startServer((request, response, self) => {
      if (request.headers.authorization === "Bearer tok") return serveTool(tool)(request, response, self);
      response.writeHead(401, { "www-authenticate": `Bearer realm="http://${service.host}/",service="x"` }).end();
    });
    const good = await doctor(`${server.host}/t/tool:1`);
    expect(good.row("token")).toMatchObject({
      status: "ok",
      detail: `${service.host} gives a token that the registry takes`,
    });
    expect(good.row("manifest")?.status).toBe("ok");
    status = 403;
    const refused = await doctor(`${server.host}/t/tool:1`);
    expect(refused.exitCode).toBe(77);
    expect(refused.row("token")).toMatchObject({ status: "failed", detail: expect.stringContaining(service.host) });
  });

  test("with mirrors: each has a row, and one that does not work is a warning", async () => {
    const server = await startServer(serveTool(tool));
    const good = await startServer(serveTool(tool));
    const empty = await startServer((_request, response) => response.writeHead(404).end());
    const dir = temporaryFolder();
    const write = (prefix: string): void => {
      const mirrors = [`${empty.host}/m`, `${good.host}/m`];
      writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ registries: { acme: { prefix, mirrors } } }));
    };
    write(server.host);
    const { exitCode, rows, row } = await doctor("acme/t/tool:1", { cwd: dir });
    expect(exitCode).toBe(0);
    expect(rows("mirror")).toMatchObject([
      { status: "warning", detail: expect.stringMatching(/\/m\/t\/tool is skipped: .*ARTIFACT_NOT_FOUND/) },
      { status: "ok", detail: `${good.host}/m/t/tool has the manifest and the blob` },
    ]);
    // What is pinned can be had from a mirror alone; what a tag means cannot.
    write("localhost:1");
    const [digest = ""] = row("manifest")?.detail.split(",") ?? [];
    const pinned = await doctor(`acme/t/tool@${digest}`, { cwd: dir });
    expect(pinned.rows("mirror")[1]).toMatchObject({ status: "ok", detail: `${good.host}/m/t/tool has the manifest` });
    const tagged = await doctor("acme/t/tool:1", { cwd: dir });
    expect(tagged.rows("mirror").map(({ status }) => status)).toEqual(["skipped", "skipped"]);
  });
});

test("a cache folder that cannot be used is a finding, and the other checks are made", async (context) => {
  const handler: Handler = serveTool(tool);
  const server = await startServer(handler);
  const dir = temporaryFolder();
  const file = join(dir, "file");
  writeFileSync(file, "");
  const inTheWay = await doctor(`${server.host}/t/tool:1`, { env: { BUCK2_ORAS_CACHE_DIR: join(file, "cache") } });
  expect(inTheWay.exitCode).toBe(74);
  expect(inTheWay.row("cache")).toMatchObject({
    status: "failed",
    detail: expect.stringContaining(`could not use the cache folder ${file}`),
  });
  expect(inTheWay.row("manifest")?.status).toBe("ok");

  // Of somebody else, as somebody else: root may write anywhere.
  if (process.getuid?.() !== 0) return;
  const setpriv = requireProgram(context, "setpriv");
  const cache = join(dir, "cache");
  mkdirSync(cache, { mode: 0o700 });
  chmodSync(dir, 0o755);
  const { inject } = await import("vitest");
  const own = join(dir, "buck2-oras.cjs");
  execFileSync("cp", [inject("executable"), own]);
  const { run } = await import("../support/run.ts");
  const flags = ["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, own];
  const ran = await run(setpriv, [...flags, "doctor", `${server.host}/t/tool:1`, "--cache-dir", cache], { cwd: "/" });
  expect(ran.exitCode, ran.stderr).toBe(74);
  expect(ran.stdout).toMatch(/cache +failed .*could not use the cache folder .*\(PERMISSION_DENIED\)/);
});
