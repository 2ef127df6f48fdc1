/** Blobs that Buck2 fetches itself, without a process, where a registry asks for no login. */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Lock, LockedPlatform } from "../../src/lockfile/schema.ts";
import { requireBuck2, shared } from "../support/buck2.ts";
import { type Consumer, layOutProject } from "../support/consumer.ts";
import { sha256 } from "../support/layout-project.ts";
import { lockInPackage } from "../support/package-lock.ts";
import { type Handler, startServer, type TestServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import { gzipTar } from "../support/tar-of-one.ts";

const script = (word: string): string => `#!/bin/sh\necho ${word}\n`;

/** Gives blobs to those who have a token, as most public registries do. */
const tokenRegistry = (content: string | Buffer): Handler => {
  const serve = serveTool(content);
  return (request, response, server) => {
    if (request.url.startsWith("/token")) {
      response.end(JSON.stringify({ token: "t" }));
    } else if (request.headers.authorization === undefined) {
      const realm = `Bearer realm="http://${server.host}/token",service="s",scope="repository:t/tool:pull"`;
      response.writeHead(401, { "www-authenticate": realm }).end();
    } else {
      serve(request, response, server);
    }
  };
};

const toolchains = `load("@oras//rules:defs.bzl", "oras_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
`;
const native = { args: ["--config", "oras.fetch=native"] };

const setting = shared(
  (context) => requireBuck2(context),
  (buck2) => Promise.resolve(layOutProject(buck2, { files: { "toolchains/BUCK": toolchains } })),
);

/** Locks the tool `t/tool:1` of the registry in a package of its own. @returns The entry of the lock. */
async function lockTool(project: Consumer, name: string, registry: TestServer): Promise<LockedPlatform> {
  await lockInPackage(project, name, registry);
  registry.seen.length = 0;
  const lock: Lock = JSON.parse(readFileSync(join(project.dir, name, "oras.lock.json"), "utf8"));
  const locked = lock.tools.tool?.platforms.any;
  if (locked === undefined) throw new Error("the tool is not locked");
  return locked;
}

function isOurs(server: TestServer): readonly boolean[] {
  return server.seen.map(({ headers }) => headers["user-agent"]?.startsWith("buck2-oras/") === true);
}

test("native: a tool without a login is fetched by one request and no process", async (context) => {
  const project = await setting(context);
  const registry = await startServer(serveTool(script("plain")));
  expect(await lockTool(project, "plain", registry)).toMatchObject({ access: "http" });
  const built = await project.build(["//plain:tool"], native);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  expect(built.actions).toEqual({ local: 0, remote: 0, cached: 0 });
  expect(isOurs(registry)).toEqual([false]);
  const ran = await project.buck2(["run", ...native.args, "//plain:tool"]);
  expect(ran.stdout).toBe("plain\n");
});

test("native: a process gives the same file at the same path", async (context) => {
  const project = await setting(context);
  const registry = await startServer(serveTool(script("path")));
  await lockTool(project, "path", registry);
  const one = await project.build(["//path:tool"], native);
  const other = await project.build(["//path:tool"], { args: ["--config", "oras.fetch=process"] });
  expect(other.stderr).toContain("BUILD SUCCEEDED");
  expect(other.outputs("root//path:tool")).toEqual(one.outputs("root//path:tool"));
});

test("native: a process gives the file the same mode, also where the bytes look like a program and are called data", async (context) => {
  const project = await setting(context);
  const content = script("mode");
  const registry = await startServer(serveTool(content));
  const artifacts = ["True", "False"].map(
    (executable) => `oras_artifact(
    name = "${executable}",
    access = "http",
    digest = "${sha256(content)}",
    executable = ${executable},
    repository = "${registry.host}/t/tool",
    size_bytes = ${content.length},
)
`,
  );
  project.write("mode/BUCK", `load("@oras//rules:defs.bzl", "oras_artifact")\n${artifacts.join("")}`);
  const modesBy = async (fetch: "native" | "process"): Promise<readonly (string | undefined)[]> => {
    const built = await project.build(["//mode:"], { args: ["--config", `oras.fetch=${fetch}`] });
    expect(built.stderr).toContain("BUILD SUCCEEDED");
    return ["True", "False"].map((name) => {
      const { mode } = statSync(built.outputs(`root//mode:${name}`)[0] ?? "");
      return (mode & 0o777).toString(8);
    });
  };
  expect(await modesBy("native")).toEqual(["755", "644"]);
  expect(await modesBy("process")).toEqual(["755", "644"]);
});

test("native: an archive is fetched without a process, and unpacked by one", async (context) => {
  const project = await setting(context);
  const registry = await startServer(serveTool(gzipTar("tool", script("archive"))));
  await lockTool(project, "archive", registry);
  const built = await project.build(["//archive:tool"], native);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  expect(built.actions.local).toBe(1);
  expect(isOurs(registry)).toEqual([false]);
});

test("native: without the user's word the executable fetches, whose store all checkouts share", async (context) => {
  const project = await setting(context);
  const registry = await startServer(serveTool(script("auto")));
  await lockTool(project, "auto", registry);
  const built = await project.build(["//auto:tool"]);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  expect(built.actions.local).toBe(1);
  expect(isOurs(registry)).toEqual([true]);
});

test("native: a registry that asks for a token is left to the executable, and named", async (context) => {
  const project = await setting(context);
  const registry = await startServer(tokenRegistry(script("token")));
  expect(await lockTool(project, "token", registry)).toMatchObject({ access: "token" });
  const built = await project.build(["//token:tool"], native);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  expect(built.actions.local).toBe(1);
  expect(built.stderr).toContain(
    "Buck2 does not fetch `root//token:tool` itself: the registry asks for a token or a login. A process of `buck2-oras` does; remote execution without local actions needs a place for it (docs/remote-execution.md)",
  );
});

test("native: other bytes than the lock's are refused, and nothing is kept", async (context) => {
  const project = await setting(context);
  const registry = await startServer(serveTool(script("other")));
  const { layers } = await lockTool(project, "other", registry);
  const file = join(project.dir, "other", "oras.lock.json");
  const wrong = `sha256:${"0".repeat(64)}`;
  writeFileSync(file, readFileSync(file, "utf8").replaceAll(layers[0]?.digest ?? "", wrong));
  const built = await project.build(["//other:tool"], native);
  expect(built.exitCode).not.toBe(0);
  expect(built.stderr).toContain("0".repeat(64));
  const placed = readdirSync(join(project.dir, "buck-out", "e2e", "art"), { recursive: true }).map(String);
  expect(placed.filter((path) => path.includes("other") && path.endsWith("/tool"))).toEqual([]);
});

test("native: Buck2 with BLAKE3 digests leaves the tool to the executable, and says so", async (context) => {
  const config = "[buck2]\n  digest_algorithms = BLAKE3\n";
  const project = layOutProject(requireBuck2(context), { config, files: { "toolchains/BUCK": toolchains } });
  context.onTestFinished(() => project.stop());
  const registry = await startServer(serveTool(script("blake3")));
  await lockTool(project, "blake3", registry);
  const built = await project.build(["//blake3:tool"], native);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  expect(built.actions.local).toBe(1);
  expect(built.stderr).toContain("digest_algorithms = SHA256");
});

/** Buck2's word for an answer, as docs/troubleshooting.md has it, and its number of requests. */
const refusals: readonly (readonly [status: number, words: string, requests: number])[] = [
  [401, "HTTP Client Error (401 Unauthorized)", 1],
  [404, "HTTP Client Error (404 Not Found)", 1],
  [429, "HTTP Client Error (429 Too Many Requests)", 4],
];

test.for(refusals)("native: Buck2 names the target and the answer %i", async ([status, words, requests], context) => {
  const project = await setting(context);
  let isOpen = true;
  const serve = serveTool(script(`status ${status}`));
  const registry = await startServer((request, response, server) => {
    if (isOpen) serve(request, response, server);
    else response.writeHead(status).end();
  });
  await lockTool(project, `status-${status}`, registry);
  isOpen = false;
  const built = await project.build([`//status-${status}:tool`], native);
  expect(built.exitCode).not.toBe(0);
  expect(built.stderr).toContain(`Error materializing HTTP resource declared by target \`root//status-${status}:tool`);
  expect(built.stderr).toContain(words);
  expect(registry.seen).toHaveLength(requests);
});

test("native: Buck2 follows a redirect that the executable refuses", async (context) => {
  const project = await setting(context);
  const text = script("redirected");
  const here = await startServer((_, response) => response.end(text));
  // On Linux and macOS, this address is this machine: the executable lets no registry lead a request there.
  const location = `http://${here.host.replace(/^[^:]+/, "0.0.0.0")}/internal`;
  let isOpen = true;
  const serve = serveTool(text);
  const registry = await startServer((request, response, server) => {
    if (isOpen || !request.url.includes("/blobs/")) serve(request, response, server);
    else response.writeHead(307, { location }).end();
  });
  await lockTool(project, "redirected", registry);
  isOpen = false;
  const env = { BUCK2_ORAS_CACHE_DIR: `${project.cacheDir}-empty` };
  const refused = await project.build(["//redirected:tool"], { env, isolationDir: "redirected" });
  expect(refused.subErrors).toMatchObject([{ category: "REDIRECT_REFUSED" }]);
  expect(here.seen).toEqual([]);
  const followed = await project.build(["//redirected:tool"], native);
  expect(followed.stderr).toContain("BUILD SUCCEEDED");
  expect(here.seen).toHaveLength(1);
});

test("native: a size that is not the blob's is refused", async (context) => {
  const project = await setting(context);
  const registry = await startServer(serveTool(script("size")));
  const { layers } = await lockTool(project, "size", registry);
  const file = join(project.dir, "size", "oras.lock.json");
  const text = readFileSync(file, "utf8");
  const size = layers[0]?.size ?? 0;
  for (const wrong of [size - 1, size + 1]) {
    writeFileSync(file, text.replace(`"size": ${size}`, `"size": ${wrong}`));
    const built = await project.build(["//size:tool"], native);
    expect(built.exitCode).not.toBe(0);
    expect(built.stderr).toContain(`Downloaded size (${size}) does not match expected size (${wrong})`);
  }
});

test("native: Buck2 reads an answer beyond the lock's size, and shows its beginning as it is", async (context) => {
  const project = await setting(context);
  let content = script("long");
  const registry = await startServer((request, response, server) => serveTool(content)(request, response, server));
  await lockTool(project, "long", registry);
  const beginning = "\u001b[31ma secret of an inner service\n##vso[task.setvariable variable=a]b\n";
  content = beginning.padEnd(3_000_000, "x");
  const built = await project.build(["//long:tool"], native);
  expect(built.exitCode).not.toBe(0);
  expect(built.stderr).toContain("Received 3000000 bytes");
  // SECURITY.md says so: our own errors show neither.
  expect(built.stderr).toContain("\u001b[31ma secret of an inner service\n");
  expect(built.stderr).toContain("##vso[task.setvariable variable=a]b\n");
});
