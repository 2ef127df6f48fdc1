/** Mirrors: asked first, for content by digest, and believed nothing. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { localIoError, OrasClientError } from "../../src/errors.ts";
import type { Digest } from "../../src/model/digest.ts";
import type { Source } from "../../src/model/source.ts";
import { MirrorHealth } from "../../src/transfer/mirror-health.ts";
import { fromFirst } from "../../src/transfer/sources.ts";
import { codeOf, noSignal, testContext } from "../support/context.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { sha256 } from "../support/layout-project.ts";
import { type Handler, startServer, type TestServer } from "../support/registry/server.ts";
import { serveFolder, serveTool } from "../support/registry/tool.ts";
import type { Ran } from "../support/run.ts";

const content = "x".repeat(200_000);
const blobs = ({ seen }: TestServer): string[] =>
  seen.filter(({ url }) => url.includes("/blobs/")).map(({ url }) => url);

const stalling: Handler = () => {};
const limiting: Handler = (_request, response) => response.writeHead(429, { "retry-after": "3600" }).end();
const challenging: Handler = (_request, response) => response.writeHead(401, { "www-authenticate": "Basic" }).end();
const webPage: Handler = (_request, response) =>
  response.writeHead(200, { "content-type": "text/html" }).end("<html>please log in</html>");

interface Setting {
  readonly origin: TestServer;
  readonly mirrors: readonly TestServer[];
  /** Each call is on a machine of its own. */
  readonly pull: (args?: readonly string[]) => Promise<Ran>;
}

/** @param config Of the project, besides the mirrors. */
async function setting(
  mirrors: readonly Handler[],
  config: object = {},
  serve: Handler = serveTool(content),
): Promise<Setting> {
  const origin = await startServer(serve);
  const started = await Promise.all(mirrors.map((handler) => startServer(handler)));
  return {
    origin,
    mirrors: started,
    pull: (args = []) => {
      const dir = temporaryFolder();
      const named = { prefix: `${origin.host}/t`, mirrors: started.map(({ host }) => `${host}/proxy/acme`) };
      writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ ...config, registries: { acme: named } }));
      const helpers = Object.fromEntries(started.map(({ host }) => [host, "nowhere"]));
      writeFileSync(join(dir, "config.json"), JSON.stringify({ credHelpers: helpers }));
      const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache"), DOCKER_CONFIG: dir };
      return oras(["pull", ...(args.length > 0 ? args : [`${origin.host}/t/tool:1`])], { cwd: dir, env });
    },
  };
}

const gone: Handler = (_request, response) => response.writeHead(404).end();
const broken: Handler = (_request, response) => response.writeHead(500).end();
const locked: Handler = (_request, response) => response.writeHead(403).end();
const lying: Handler = (_request, response) => response.end("y".repeat(content.length));
const cut: Handler = (_request, response) => {
  response.writeHead(200, { "content-length": content.length });
  response.write(content.slice(0, 50_000));
  setTimeout(() => response.destroy(), 500);
};

test("a mirror has the blob: the registry is asked for the tag alone, the prefix is replaced", async () => {
  const { origin, mirrors, pull } = await setting([serveTool(content)]);
  expect(await pull()).toMatchObject({ exitCode: 0 });
  expect(blobs(origin)).toEqual([]);
  expect(origin.seen.map(({ url }) => url)).toEqual(["/v2/t/tool/manifests/1"]);
  expect(mirrors[0]?.seen.map(({ url }) => url)).toEqual([`/v2/proxy/acme/tool/blobs/${sha256(content)}`]);
});

test.each([
  ["has nothing", gone],
  ["is broken", broken],
  ["wants a login", locked],
  ["gives other bytes", lying],
  ["breaks off each time", cut],
  ["asks to be let alone for an hour", limiting],
  ["asks for a login whose helper is missing", challenging],
  ["says nothing", stalling],
  ["is a web page", webPage],
])("a mirror that %s: the next one takes over", async (_what, handler) => {
  const config = handler === stalling ? { timeouts: { idleSeconds: 5 } } : {};
  const { origin, mirrors, pull } = await setting([handler, serveTool(content)], config);
  const ran = await pull();
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(mirrors[0]?.seen.length).toBeLessThanOrEqual(handler === cut ? 4 : 2);
  expect(ran.stderr).toMatch(/warning: the mirror \S+\/proxy\/acme\/tool failed/);
  expect(blobs(origin)).toEqual([]);
  expect(mirrors[1] && blobs(mirrors[1])).toHaveLength(1);
});

test("no mirror will do: the registry is asked, and its error is the one that is shown", async () => {
  const { origin, pull } = await setting([gone, lying]);
  expect((await pull()).exitCode).toBe(0);
  expect(blobs(origin)).toHaveLength(1);
  const nowhere = await startServer(gone);
  const ran = await pull(["--quiet", `${nowhere.host}/t/tool:1`]);
  expect(ran.stderr).toContain(`ARTIFACT_NOT_FOUND]: not found: ${nowhere.host}/t/tool:1`);
});

test("a manifest by digest comes from a mirror, too; a configured name stands for its prefix", async () => {
  const { origin, mirrors, pull } = await setting([serveTool(content)]);
  const byName = await pull(["acme/tool:1", "--json"]);
  expect(byName.exitCode, byName.stdout).toBe(0);
  const { manifestDigest, reference } = JSON.parse(byName.stdout) as { manifestDigest: string; reference: string };
  expect(reference).toBe(`${origin.host}/t/tool:1`);
  const before = origin.seen.length;
  expect((await pull([`acme/tool@${manifestDigest}`])).exitCode).toBe(0);
  expect(origin.seen).toHaveLength(before);
  expect(mirrors[0]?.seen.map(({ url }) => url)).toContain(`/v2/proxy/acme/tool/manifests/${manifestDigest}`);
});

test("a mirror that lacks a blob until its manifest is asked for, as a pull-through cache does, is filled", async () => {
  let isFilled = false;
  const files = { a: "a".repeat(1000), b: "b".repeat(1000), c: "c".repeat(1000) };
  const serve = serveFolder(files);
  const filling: Handler = (request, response, server) => {
    if (request.url.includes("/manifests/")) isFilled = true;
    if (isFilled) serve(request, response, server);
    else response.writeHead(404).end();
  };
  const { origin, mirrors, pull } = await setting([filling], { concurrency: 1 }, serve);
  const ran = await pull([`${origin.host}/t/tool:1`, "-o", "out"]);
  expect(ran).toMatchObject({ exitCode: 0, stderr: expect.not.stringContaining("warning") });
  expect(blobs(origin)).toEqual([]);
  expect(mirrors[0]?.seen.filter(({ url }) => url.includes("/manifests/"))).toHaveLength(1);
});

test("a manifest that a dropped request asked for is asked for again, for those who waited with it and for later ones", async () => {
  const dropping = new AbortController();
  let asked = 0;
  const fetchManifest = (_digest: Digest, signal: AbortSignal): Promise<unknown> => {
    asked += 1;
    if (asked > 1) return Promise.resolve({});
    return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const source = { name: "a.example/x", fetchManifest } as unknown as Source;
  const health = new MirrorHealth();
  const digest = sha256("a manifest") as Digest;
  const dropped = health.hasManifest(source, digest, dropping.signal);
  const others = [1, 2].map(() => health.hasManifest(source, digest, noSignal));
  dropping.abort(new Error("dropped"));
  await expect(dropped).rejects.toThrow("dropped");
  expect(await Promise.all([...others, health.hasManifest(source, digest, noSignal)])).toEqual([true, true, true]);
  expect(asked).toBe(2);
});

describe("a mirror that failed", () => {
  const files = { a: "a".repeat(1000), b: "b".repeat(1000), c: "c".repeat(1000) };

  test.each<[string, Handler, number]>([
    ["is broken", broken, 2],
    ["wants a login", locked, 1],
    ["asks for time", limiting, 1],
    // Three blobs, and once the manifest that lists them.
    ["lacks them", gone, 4],
  ])("is not asked for each blob again: one that %s", async (_what, handler, requests) => {
    const { origin, mirrors, pull } = await setting([handler], { concurrency: 1 }, serveFolder(files));
    const ran = await pull([`${origin.host}/t/tool:1`, "-o", "out"]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    // One that lacks a blob may have the next.
    expect(mirrors[0]?.seen).toHaveLength(requests);
    expect(blobs(origin)).toHaveLength(3);
  });

  test("by its network is left alone with all its repositories, by its content with one", () => {
    const health = new MirrorHealth();
    const named = (name: string): Source => ({ name }) as Source;
    health.note(named("a.example/x"), new OrasClientError("REGISTRY_UNAVAILABLE", "down"));
    health.note(named("b.example/x"), new OrasClientError("BLOB_DIGEST_MISMATCH", "other bytes"));
    health.note(named("c.example/x"), new OrasClientError("ARTIFACT_NOT_FOUND", "not there"));
    const fit = ["a.example/x", "a.example/y", "b.example/x", "b.example/y", "c.example/x"];
    expect(fit.filter((name) => health.isFit(named(name)))).toEqual(["b.example/y", "c.example/x"]);
  });

  test("is not blamed for a full disk", async () => {
    const mirror = { name: "a.example/x" } as Source;
    const source = { name: "b.example/x", mirrors: [mirror] } as unknown as Source;
    const asked: string[] = [];
    const work = (from: Source): Promise<never> => {
      asked.push(from.name);
      return Promise.reject(localIoError("write x", Object.assign(new Error("full"), { code: "ENOSPC" })));
    };
    const services = { settings: { idleTimeoutMs: 30_000 }, context: testContext() };
    const run = { signal: noSignal, deadlineMs: Date.now() + 60_000, mirrorHealth: new MirrorHealth() };
    expect(await codeOf(fromFirst(source, work, services, run))).toBe("DISK_FULL");
    expect(asked).toEqual(["a.example/x"]);
  });
});
