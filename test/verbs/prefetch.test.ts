/** `prefetch`: the blobs of a lock in the cache, before anybody builds. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { layoutProject } from "../support/layout-project.ts";
import { startServer } from "../support/registry/server.ts";
import { serveFolder, serveTool } from "../support/registry/tool.ts";
import { succeeding } from "../support/succeeding.ts";

test("prefetch: a second machine fetches each blob once, and then needs no registry", async () => {
  const registry = await startServer((request, response, server) =>
    (request.url.includes("/t/one/") ? serveTool("one") : serveFolder({ a: "file a", b: "file b" }))(
      request,
      response,
      server,
    ),
  );
  const cwd = temporaryFolder();
  for (const tool of ["one", "two"]) {
    await succeeding(oras(["lock", "add", tool, `${registry.host}/t/${tool}:1`], { cwd }));
  }
  registry.seen.length = 0;
  const env = { BUCK2_ORAS_CACHE_DIR: join(cwd, "second-machine") };
  const prefetch = async (...args: readonly string[]): Promise<unknown> =>
    JSON.parse((await succeeding(oras(["prefetch", "--json", ...args], { cwd, env }))).stdout).tools;
  expect(await prefetch()).toEqual([
    { tool: "one", platform: "any", size: 3, fetched: 3 },
    { tool: "two", platform: "any", size: 12, fetched: 12 },
  ]);
  expect(registry.seen.map(({ url }) => url.includes("/blobs/"))).toEqual([true, true, true]);
  expect(await prefetch("two", "--offline")).toEqual([{ tool: "two", platform: "any", size: 12, fetched: 0 }]);
  expect(registry.seen).toHaveLength(3);
});

test("prefetch: the platforms that are asked for, without the tools that lack them", async () => {
  const project = await layoutProject();
  await succeeding(project.oras(["lock", "add", "tool", "oci:layout:1.0"]));
  const own = await succeeding(project.oras(["prefetch", "--json", "--platform", "linux-x86_64"]));
  expect(JSON.parse(own.stdout).tools).toMatchObject([{ tool: "tool", platform: "linux-x86_64" }]);
  const none = await succeeding(project.oras(["prefetch", "--platform", "windows-arm64"]));
  expect(none).toMatchObject({ stdout: "" });
  expect(none.stderr).toContain("Skipped tool: not locked for windows-arm64.");
  expect(none.stderr).toContain("No tool of the lock has this platform");
  const both = ["--platform", "linux-x86_64", "--platform", "windows-arm64", "--json"];
  expect(JSON.parse((await succeeding(project.oras(["prefetch", ...both]))).stdout)).toMatchObject({
    tools: [{ tool: "tool", platform: "linux-x86_64" }],
    skipped: [{ tool: "tool", platform: "windows-arm64" }],
  });
  const named = await project.oras(["prefetch", "tool", "--platform", "windows-arm64"]);
  expect(named.exitCode).toBe(66);
  expect(named.stderr).toMatch(/not found: tool for windows-arm64[\s\S]*hint: name a locked platform/);
});

test("prefetch: a name that the lock lacks, and a missing lock, are said at once", async () => {
  const project = await layoutProject();
  expect(await project.oras(["prefetch"])).toMatchObject({ exitCode: 78 });
  await succeeding(project.oras(["lock", "add", "tool", "oci:layout:1.0"]));
  const ran = await project.oras(["prefetch", "tol"]);
  expect(ran.exitCode).toBe(64);
  expect(ran.stderr).toContain("choose a tool of the lock: tool");
});

test.for(["prefetch", "which", "pull"])(
  "%s: a registry that lacks a blob until its manifest is asked for, as a pull-through cache does",
  async (verb) => {
    let isFilled = true;
    const serve = serveTool("#!/bin/sh\n");
    const registry = await startServer((request, response, server) => {
      if (request.method === "GET" && request.url.includes("/manifests/")) isFilled = true;
      if (isFilled) serve(request, response, server);
      else response.writeHead(404).end();
    });
    const cwd = temporaryFolder();
    const env = { BUCK2_ORAS_TOOLS_DIR: join(cwd, "tools"), BUCK2_ORAS_CACHE_DIR: join(cwd, "cache") };
    const reference = `${registry.host}/t/tool:1`;
    await succeeding(oras(["lock", "add", "tool", reference], { cwd, env }));
    const lock = JSON.parse(readFileSync(join(cwd, "oras.lock.json"), "utf8"));
    const pinned = `${registry.host}/t/tool@${lock.tools.tool.digest}`;
    // Of what was locked, the cache keeps the manifests alone.
    for (const digest of lock.tools.tool.platforms.any.layers.map((one: { digest: string }) => one.digest))
      rmSync(join(cwd, "cache/oras", digest.slice(7, 9), digest.slice(7)), { force: true });
    isFilled = false;
    registry.seen.length = 0;
    await succeeding(
      oras(verb === "prefetch" ? [verb] : verb === "which" ? [verb, "tool"] : [verb, pinned, "-o", "out"], {
        cwd,
        env,
      }),
    );
    const kinds = registry.seen.map(({ url }) => (url.includes("/manifests/") ? "manifest" : "blob"));
    expect(kinds).toEqual(["blob", "manifest", "blob"]);
  },
);
