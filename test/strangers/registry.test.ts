/** A registry that wants requests made elsewhere, or more work than a command has time and files for. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { mediaTypes } from "../../src/model/manifest.ts";
import { rawTar } from "../archive/raw-tar.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { aliases } from "../support/hosts-alias.ts";
import { sha256 } from "../support/layout-project.ts";
import { reply } from "../support/registry/in-process/exchange.ts";
import type { Fault } from "../support/registry/in-process/faults/fault.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import type { InProcessRegistry } from "../support/registry/in-process/registry.ts";
import type { Repository } from "../support/registry/in-process/storage.ts";
import { type Handler, startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import { type Ran, run as runProgram } from "../support/run.ts";

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

describe("a graph of more nodes than a process may open files", () => {
  const count = 200;
  const descriptorOf = (bytes: Buffer, mediaType: string, title?: string) => ({
    mediaType,
    digest: sha256(bytes),
    size: bytes.length,
    ...(title === undefined ? {} : { annotations: { "org.opencontainers.image.title": title } }),
  });

  /** `t/many:1` is an index of manifests with a blob each, `t/layers:1` one manifest of as many layers. */
  function fill({ storage }: InProcessRegistry): void {
    const add = (repository: Repository, document: object): ReturnType<typeof descriptorOf> => {
      const { mediaType } = document as { readonly mediaType: string };
      const bytes = Buffer.from(JSON.stringify(document));
      repository.manifests.set(sha256(bytes), { mediaType, bytes });
      return descriptorOf(bytes, mediaType);
    };
    const [many, single] = [storage.open("t/many"), storage.open("t/layers")];
    const blobs = Array.from({ length: count }, (_, index) => Buffer.from(`blob ${index}`));
    for (const bytes of blobs) for (const { blobs: held } of [many, single]) held.set(sha256(bytes), bytes);
    const layers = blobs.map((bytes, index) => descriptorOf(bytes, "application/octet-stream", `f${index}`));
    const manifestOf = (...own: typeof layers) => ({ mediaType: mediaTypes.ociManifest, config: own[0], layers: own });
    const manifests = layers.map((layer) => add(many, manifestOf(layer)));
    many.tags.set("1", add(many, { mediaType: mediaTypes.ociIndex, manifests }).digest);
    single.tags.set("1", add(single, manifestOf(...layers)).digest);
  }

  /** @param files That the process may have open. */
  async function runWith(files: number, cwd: string, ...args: readonly string[]): Promise<Ran> {
    const limited = `ulimit -n ${files} && exec "$@"`;
    const env = { BUCK2_ORAS_CACHE_DIR: join(cwd, "cache") };
    return await runProgram("sh", ["-c", limited, "sh", process.execPath, inject("executable"), ...args], { cwd, env });
  }

  test("copy: between registry and layout, with 128 files", async () => {
    const registry = await inProcessRegistry();
    fill(registry);
    const cwd = temporaryFolder();
    const out = await runWith(128, cwd, "copy", `${registry.host}/t/many:1`, "oci:layout:1");
    expect(out.exitCode, out.stderr).toBe(0);
    const back = await runWith(128, cwd, "copy", "oci:layout:1", `${registry.host}/t/back:1`);
    expect(back.exitCode, back.stderr).toBe(0);
    expect(registry.storage.find("t/back")?.manifests.size).toBe(count + 1);
    expect(registry.connections()).toBeLessThan(100);
  }, 120_000);

  test("pull and lock: an artifact of many layers, with 128 files", async () => {
    const registry = await inProcessRegistry();
    fill(registry);
    const cwd = temporaryFolder();
    const pulled = await runWith(128, cwd, "pull", `${registry.host}/t/layers:1`, "-o", "out");
    expect(pulled.exitCode, pulled.stderr).toBe(0);
    expect(readdirSync(join(cwd, "out"))).toHaveLength(count);
    const locked = await runWith(128, cwd, "lock", "add", "many", `${registry.host}/t/layers:1`);
    expect(locked.exitCode, locked.stderr).toBe(0);
    expect(await runWith(128, cwd, "info", `${registry.host}/t/many:1`)).toMatchObject({ exitCode: 0 });
  }, 120_000);

  test("lock update: 200 tools, with 128 files", async () => {
    const registry = await inProcessRegistry();
    await run(["push", `${registry.host}/t/tool:1`, "tool"]);
    const cwd = temporaryFolder();
    expect(await runWith(128, cwd, "lock", "add", "first", `${registry.host}/t/tool:1`)).toMatchObject({ exitCode: 0 });
    const path = join(cwd, "oras.lock.json");
    const lock = JSON.parse(readFileSync(path, "utf8"));
    for (let index = 0; index < 200; index += 1) lock.tools[`tool${index}`] = lock.tools.first;
    writeFileSync(path, JSON.stringify(lock));
    await run(["push", `${registry.host}/t/tool:1`, "tool", "--annotation", "a=b"]);
    const updated = await runWith(128, cwd, "lock", "update");
    expect(updated.exitCode, updated.stderr).toBe(0);
  }, 120_000);

  test("extract: 2,000 files, with 64", async () => {
    const cwd = temporaryFolder();
    const entries = Array.from({ length: 2000 }, (_, index) => ({ name: `d${index % 100}/f${index}`, body: "x" }));
    writeFileSync(join(cwd, "archive"), rawTar(...entries));
    const ran = await runWith(64, cwd, "extract", "archive", "-o", "out");
    expect(ran.exitCode, ran.stderr).toBe(0);
  }, 120_000);

  test("copy: a registry that makes up manifests without end is left", async () => {
    const mediaType = mediaTypes.ociIndex;
    const made = new Map<string, Buffer>();
    /** An index of so many others. */
    const make = (name: string, names: readonly string[]): Buffer => {
      const manifests = names.map((child) => descriptorOf(leafOf(child), mediaType));
      return Buffer.from(JSON.stringify({ mediaType, manifests, annotations: { name } }));
    };
    const leafOf = (name: string): Buffer => {
      const bytes = Buffer.from(JSON.stringify({ mediaType, manifests: [], annotations: { name } }));
      made.set(sha256(bytes), bytes);
      return bytes;
    };
    const names = (prefix: string, length: number) => Array.from({ length }, (_, index) => `${prefix}.${index}`);
    const branches = names("b", 2).map((branch) => make(branch, names(branch, 6000)));
    for (const bytes of branches) made.set(sha256(bytes), bytes);
    const root = Buffer.from(
      JSON.stringify({ mediaType, manifests: branches.map((bytes) => descriptorOf(bytes, mediaType)) }),
    );
    const registry = await startServer(({ url, method }, response) => {
      const bytes = url.endsWith("/manifests/1") ? root : made.get(url.split("/").at(-1) ?? "");
      if (bytes === undefined) response.writeHead(404).end();
      else response.setHeader("content-type", mediaType).end(method === "HEAD" ? undefined : bytes);
    });
    const cwd = temporaryFolder();
    const ran = await runWith(128, cwd, "copy", `${registry.host}/t/x:1`, "oci:layout:1", "--no-referrers");
    expect(ran).toMatchObject({ exitCode: 65, stderr: expect.stringContaining("names more than 10000 manifests") });
  }, 120_000);
});
