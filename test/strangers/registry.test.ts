/** A registry that wants requests made elsewhere, or more work than a command has time and files for. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { aliases } from "../support/hosts-alias.ts";
import { reply } from "../support/registry/in-process/exchange.ts";
import type { Fault } from "../support/registry/in-process/faults/fault.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import { type Handler, startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import type { Ran } from "../support/run.ts";

const ok: Handler = (_request, response) => response.writeHead(200).end();

/** Runs a command in a folder of its own, which has a file `tool`. */
async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), "a tool");
  return await oras(args, { cwd: dir, env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache"), ...env } });
}

/** Answers requests of one method to paths with `part` with a redirect; the registry does nothing. */
function redirecting(method: string, part: string, location: () => string): Fault {
  return (request, next) =>
    request.method === method && request.url.pathname.includes(part)
      ? reply(307, { location: location() + request.url.pathname })
      : next();
}

describe("what changes something goes nowhere else", () => {
  test("DELETE: a redirect to another host is refused, and that host sees nothing", async () => {
    const other = await startServer(ok);
    const registry = await inProcessRegistry(redirecting("DELETE", "/manifests/", () => `http://${other.host}`));
    await run(["push", `${registry.host}/t/tool:1`, "tool"]);
    const ran = await run(["prune", `${registry.host}/t/tool`, "--keep-last", "0", "--delete"]);
    expect(ran.stderr).toContain(`REDIRECT_REFUSED]: ${registry.host} redirects a deletion to http://${other.host}`);
    expect(ran.exitCode).toBe(69);
    expect(other.seen).toEqual([]);
  });

  test("DELETE: a redirect on the same host is followed", async () => {
    const moved: Fault = (request, next, { host }) =>
      request.method === "DELETE" && request.url.search === ""
        ? reply(307, { location: `http://${host}${request.url.pathname}?moved=1` })
        : next();
    const registry = await inProcessRegistry(moved);
    await run(["push", `${registry.host}/t/tool:1`, "tool"]);
    expect(await run(["prune", `${registry.host}/t/tool`, "--keep-last", "0", "--delete"])).toMatchObject({
      exitCode: 0,
    });
    expect(registry.storage.find("t/tool")?.manifests.size).toBe(0);
  });

  test("DELETE: an upload that a mount began on another host is left alone", async () => {
    const other = await startServer(ok);
    const registry = await inProcessRegistry((request, next) =>
      request.url.searchParams.has("mount") ? reply(202, { location: `http://${other.host}/v2/x/1` }) : next(),
    );
    await run(["push", `${registry.host}/t/tool:1`, "tool"]);
    const ran = await run(["copy", `${registry.host}/t/tool:1`, `${registry.host}/t/copy:1`]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(other.seen).toEqual([]);
  });

  test.each([
    ["POST", "/blobs/uploads/"],
    ["PUT", "/manifests/"],
    ["PUT", "/blobs/uploads/"],
  ])("%s %s: a redirect is not followed", async (method, part) => {
    const other = await startServer(ok);
    const registry = await inProcessRegistry(redirecting(method, part, () => `http://${other.host}`));
    const ran = await run(["push", `${registry.host}/t/tool:1`, "tool"]);
    expect(ran.stderr).toContain("REGISTRY_REFUSED");
    expect(other.seen).toEqual([]);
  });
});

describe("a registry that is not on this machine sends us nowhere on it, and to no metadata service", () => {
  const pull = async (handler: Handler, addresses: Readonly<Record<string, string>> = {}): Promise<Ran> => {
    const registry = await startServer(handler);
    const host = registry.host.replace("127.0.0.1", "registry.test");
    const args = ["pull", `${host}/t/tool:1`, `--plain-http=${host}`, "--timeout", "20"];
    return await run(args, aliases({ "registry.test": "127.0.0.1", ...addresses }));
  };
  const places = [
    "127.0.0.1",
    "localhost",
    "x.localhost",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "169.254.169.254",
    "[fd00:ec2::254]",
    "0.0.0.0",
  ];

  test.each(places)("a redirect to %s is refused", async (place) => {
    const local = await startServer(ok);
    const port = local.host.split(":")[1];
    const ran = await pull(
      serveTool("content", (_request, response) => {
        response.writeHead(307, { location: `http://${place}:${port}/secret` }).end();
      }),
    );
    expect(ran).toMatchObject({ exitCode: 69, stderr: expect.stringContaining("REDIRECT_REFUSED") });
    expect(local.seen).toEqual([]);
  });

  test.each(places)("a token service at %s is refused", async (place) => {
    const local = await startServer(ok);
    const port = local.host.split(":")[1];
    const ran = await pull((_request, response) => {
      response.writeHead(401, { "www-authenticate": `Bearer realm="http://${place}:${port}/token"` }).end();
    });
    expect(ran).toMatchObject({ exitCode: 77, stderr: expect.stringContaining("REALM_REFUSED") });
    expect(local.seen).toEqual([]);
  });

  test("a name that leads to a link-local address is as good as the address", async () => {
    const names = { "cdn.test": "169.254.169.254", "token.test": "fe80::1" };
    const redirected = await pull(
      serveTool("content", (_request, response) => {
        response.writeHead(307, { location: "http://cdn.test/latest/meta-data" }).end();
      }),
      names,
    );
    expect(redirected).toMatchObject({ exitCode: 69, stderr: expect.stringContaining("REDIRECT_REFUSED") });
    const challenged = await pull((_request, response) => {
      response.writeHead(401, { "www-authenticate": 'Bearer realm="http://token.test/"' }).end();
    }, names);
    expect(challenged).toMatchObject({ exitCode: 69, stderr: expect.stringContaining("REDIRECT_REFUSED") });
  });
});
