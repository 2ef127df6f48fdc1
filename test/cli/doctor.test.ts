import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { layoutProject } from "../support/layout-project.ts";
import { type Handler, startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import type { RunOptions } from "../support/run.ts";

interface Row {
  readonly name: string;
  readonly status: string;
  readonly detail: string;
  readonly hint: string | null;
}

async function doctor(
  reference: string,
  options: RunOptions = {},
): Promise<{ exitCode: number | null; output: string; row: (name: string) => Row | undefined }> {
  const dir = temporaryFolder();
  const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache"), ...options.env };
  const ran = await oras(["doctor", reference, "--json"], { cwd: dir, ...options, env });
  const { checks } = JSON.parse(ran.stdout) as { checks: Row[] };
  return { exitCode: ran.exitCode, output: ran.stdout, row: (name) => checks.find((check) => check.name === name) };
}

const ok: Handler = (request, response, server) => {
  if (request.url === "/v2/") response.end("{}");
  else if (request.url.includes("/referrers/")) response.writeHead(404).end();
  else serveTool("#!/bin/sh\necho tool\n")(request, response, server);
};

describe("a registry", () => {
  test("that works: every check has its line, and what it lacks is a warning", async () => {
    const server = await startServer(ok);
    const { exitCode, row } = await doctor(`${server.host}/t/tool:1`);
    expect(exitCode).toBe(0);
    expect(row("dns")).toMatchObject({ status: "ok", detail: "127.0.0.1 is 127.0.0.1" });
    expect(row("proxy")).toMatchObject({ status: "ok", detail: "none" });
    expect(row("connection")).toMatchObject({ status: "ok", detail: "plain http" });
    expect(row("registry")?.detail).toMatch(/answers 200, asks for no login/);
    expect(row("clock")?.status).toBe("ok");
    expect(row("manifest")?.detail).toMatch(/^sha256:[0-9a-f]{64}, all platforms, 1 layer$/);
    expect(row("blob")?.status).toBe("ok");
    expect(row("range")).toMatchObject({ status: "warning", detail: expect.stringContaining("not supported") });
    expect(row("referrers")?.detail).toContain("404");
  });

  test("whose clock is another: said, with what to do", async () => {
    const server = await startServer((request, response, self) => {
      response.sendDate = false;
      response.setHeader("date", "Mon, 01 Jan 2024 00:00:00 GMT");
      ok(request, response, self);
    });
    const { row } = await doctor(`${server.host}/t/tool:1`);
    expect(row("clock")).toMatchObject({ status: "warning", hint: expect.stringContaining("clock") });
  });

  test("that wants a login: the source of the credentials is named, never they themselves", async () => {
    const server = await startServer((_request, response) =>
      response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end(),
    );
    const env = { ORAS_USER: "someone", ORAS_PASS: "hunter2", BUCK2_ORAS_REGISTRY: server.host };
    const { exitCode, output, row } = await doctor(`${server.host}/t/tool:1`, { env });
    expect(exitCode).toBe(77);
    expect(row("registry")?.detail).toContain("asks for basic");
    expect(row("credentials")?.detail).toBe("basic from ORAS_USER and ORAS_PASS");
    expect(row("manifest")).toMatchObject({
      status: "failed",
      detail: expect.stringContaining("REGISTRY_UNAUTHORIZED"),
    });
    expect(row("blob")?.status).toBe("skipped");
    expect(output).not.toContain("hunter2");
  });

  test.each([
    ["nowhere.invalid/t/tool:1", "dns", 69],
    ["localhost:1/t/tool:1", "connection", 69],
  ])("%s: `%s` fails, and what needs it is skipped", async (reference, name, code) => {
    const { exitCode, row } = await doctor(reference);
    expect(exitCode).toBe(code);
    expect(row(name)).toMatchObject({ status: "failed", hint: expect.any(String) });
    expect(row("manifest")?.status).toBe("skipped");
  });

  test("a broken docker configuration is found", async () => {
    const server = await startServer(ok);
    const dir = temporaryFolder();
    mkdirSync(join(dir, "docker"));
    writeFileSync(join(dir, "docker/config.json"), "{");
    const { exitCode, row } = await doctor(`${server.host}/t/tool:1`, { env: { DOCKER_CONFIG: join(dir, "docker") } });
    expect(exitCode).toBe(78);
    expect(row("credentials")).toMatchObject({ status: "failed", detail: expect.stringContaining("CONFIG_INVALID") });
  });
});

test("a layout folder needs no network checks", async () => {
  const project = await layoutProject();
  const { exitCode, row } = await doctor("oci:layout:1.0", { cwd: project.dir });
  expect(exitCode).toBe(0);
  expect(row("dns")).toBeUndefined();
  expect(row("range")?.status).toBe("ok");
});

test("as text: a table with times, hints below it, and the verdict", async () => {
  const ran = await oras(["doctor", "localhost:1/t/tool:1"]);
  expect(ran.exitCode).toBe(69);
  expect(ran.stdout).toMatch(/^connection +failed +\d+ ms +cannot talk to localhost:1: connection refused/m);
  expect(ran.stdout).toMatch(/^hint \(connection\): /m);
  expect(ran.stdout).toMatch(/1 of 13 checks failed|2 of 13 checks failed/);
});
