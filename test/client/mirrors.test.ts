/** Mirrors: asked first, for content by digest, and believed nothing. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { oras, type Ran } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { sha256 } from "../support/layout-project.ts";
import { type Handler, startServer, type TestServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";

const content = "x".repeat(200_000);
const blobs = ({ seen }: TestServer): string[] =>
  seen.filter(({ url }) => url.includes("/blobs/")).map(({ url }) => url);

interface Setting {
  readonly origin: TestServer;
  readonly mirrors: readonly TestServer[];
  /** Each call is on a machine of its own. */
  readonly pull: (args?: readonly string[]) => Promise<Ran>;
}

async function setting(mirrors: readonly Handler[]): Promise<Setting> {
  const origin = await startServer(serveTool(content));
  const started = await Promise.all(mirrors.map((handler) => startServer(handler)));
  return {
    origin,
    mirrors: started,
    pull: (args = []) => {
      const dir = temporaryFolder();
      const named = { prefix: `${origin.host}/t`, mirrors: started.map(({ host }) => `${host}/proxy/acme`) };
      writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ registries: { acme: named } }));
      const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
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
  setTimeout(() => response.destroy(), 50);
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
])(
  "a mirror that %s: the next one takes over",
  async (_what, handler) => {
    const { origin, mirrors, pull } = await setting([handler, serveTool(content)]);
    const ran = await pull();
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).toMatch(/warning: the mirror \S+\/proxy\/acme\/tool failed/);
    expect(blobs(origin)).toEqual([]);
    expect(mirrors[1] && blobs(mirrors[1])).toHaveLength(1);
  },
  30_000,
);

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
