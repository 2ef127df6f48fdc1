/** `prefetch`: the blobs of a lock in the cache, before anybody builds. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Lock } from "../../src/lockfile/schema.ts";
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

/** What the lock says of the tool, as words of a command line. */
interface LockedWords {
  /** The tool by its digest. */
  readonly tool: string;
  /** The tool's layer by its digest. */
  readonly blob: string;
  readonly manifest: string;
}

const afterManifest: Readonly<Record<string, (words: LockedWords) => readonly string[]>> = {
  prefetch: () => ["prefetch"],
  which: () => ["which", "tool"],
  pull: ({ tool }) => ["pull", tool, "-o", "out"],
  "blob, as build actions call it": ({ blob, manifest }) => [
    "blob",
    blob,
    "--size=10",
    `--manifest=${manifest}`,
    "--output=out",
  ],
  blob: ({ blob, manifest }) => ["blob", blob, "--size", "10", "--manifest", manifest, "-o", "out"],
};

test.for(Object.entries(afterManifest))(
  "%s: a registry that lacks a blob until its manifest is asked for, as a pull-through cache does",
  async ([, argvOf]) => {
    let isFilled = true;
    const serve = serveTool("#!/bin/sh\n");
    const registry = await startServer((request, response, server) => {
      if (request.method === "GET" && request.url.includes("/manifests/")) isFilled = true;
      if (isFilled) serve(request, response, server);
      else response.writeHead(404).end();
    });
    const cwd = temporaryFolder();
    const env = { BUCK2_ORAS_TOOLS_DIR: join(cwd, "tools"), BUCK2_ORAS_CACHE_DIR: join(cwd, "cache") };
    const repository = `${registry.host}/t/tool`;
    await succeeding(oras(["lock", "add", "tool", `${repository}:1`], { cwd, env }));
    const { tool }: Lock["tools"] = JSON.parse(readFileSync(join(cwd, "oras.lock.json"), "utf8")).tools;
    const { manifest = "", layers = [] } = tool?.platforms.any ?? {};
    const [{ digest = "" } = {}] = layers;
    // Of what was locked, the cache keeps the manifests alone.
    rmSync(join(cwd, "cache/oras", digest.slice(7, 9), digest.slice(7)), { force: true });
    isFilled = false;
    registry.seen.length = 0;
    const words = { tool: `${repository}@${tool?.digest}`, blob: `${repository}@${digest}`, manifest };
    await succeeding(oras(argvOf(words), { cwd, env }));
    const kinds = registry.seen.map(({ url }) => (url.includes("/manifests/") ? "manifest" : "blob"));
    expect(kinds).toEqual(["blob", "manifest", "blob"]);
  },
);
