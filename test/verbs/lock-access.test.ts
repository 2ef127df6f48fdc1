/** Notes of `lock add` and `lock update` on a registry: the answer to a GET without a login. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Access, Lock } from "../../src/lockfile/schema.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { createPrivateCa } from "../support/private-ca.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import { type Handler, startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import { succeeding } from "../support/succeeding.ts";
import { startTlsServer } from "../support/tls-server.ts";

const content = "#!/bin/sh\necho tool\n";
const tool = serveTool(content);

/** The answer to a GET of the blob without a login; to all other requests that of a registry with the tool. */
const answering =
  (send: Handler): Handler =>
  (request, response, server) => {
    const isPlain = request.headers.range !== undefined && request.headers.authorization === undefined;
    (isPlain ? send : tool)(request, response, server);
  };
const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): Handler =>
  (_, response) =>
    response.writeHead(code, headers).end();
const range = (total: number): Readonly<Record<string, string>> => ({ "content-range": `bytes 0-0/${total}` });

function accessIn(dir: string): Access | undefined {
  const lock: Lock = JSON.parse(readFileSync(join(dir, "oras.lock.json"), "utf8"));
  return lock.tools.tool?.platforms.any?.access;
}

const rows: Readonly<Record<string, readonly [answer: Handler, access: Access | undefined]>> = {
  "the whole blob": [tool, "http"],
  "a byte of it": [(_, response) => response.writeHead(206, range(content.length)).end("#"), "http"],
  "a byte of a blob of unknown size": [(_, response) => response.writeHead(206).end("#"), "http"],
  "a redirect to the blob": [
    (request, response, server) =>
      request.url.startsWith("/cdn")
        ? tool(request, response, server)
        : response.writeHead(307, { location: `http://${server.host}/cdn` }).end(),
    "http",
  ],
  "a challenge": [status(401, { "www-authenticate": 'Bearer realm="http://127.0.0.1/token"' }), "token"],
  "a refusal": [status(403), "token"],
  "a byte of another size": [(_, response) => response.writeHead(206, range(5)).end("#"), undefined],
  "a login page": [(_, response) => response.end("<html>Please log in</html>"), undefined],
  "a login page of unknown size": [
    (_, response) => response.writeHead(200).write("<html>Please log in") && response.end("</html>"),
    undefined,
  ],
  "a login page behind a redirect": [
    (request, response, server) =>
      request.url.startsWith("/login")
        ? response.write("<html>Please log in</html>") && response.end()
        : response.writeHead(302, { location: `http://${server.host}/login` }).end(),
    undefined,
  ],
  "no such blob": [status(404), undefined],
  "a failure": [status(500), undefined],
  "too many requests": [status(429, { "retry-after": "3000" }), undefined],
  "a redirect into this machine's metadata": [status(302, { location: "http://169.254.169.254/" }), undefined],
  "a broken connection": [(_, response) => response.destroy(), undefined],
};

test("lock access: an answer that does not come holds up `lock add` for seconds, and not for the idle time", async () => {
  const { host } = await startServer(answering(() => {}));
  const cwd = temporaryFolder();
  const startedMs = Date.now();
  await succeeding(oras(["lock", "add", "--plain-http", "tool", `${host}/t/tool:1.0`], { cwd }));
  // Alone, the idle time of 30 seconds and the second try would take a minute.
  expect(Date.now() - startedMs).toBeLessThan(28_000);
  expect(accessIn(cwd)).toBeUndefined();
});

test.each(Object.entries(rows))("lock access: %s", async (_, [answer, access]) => {
  const { host } = await startServer(answering(answer));
  const cwd = temporaryFolder();
  await succeeding(oras(["lock", "add", "tool", `${host}/t/tool:1`], { cwd }));
  expect(accessIn(cwd)).toBe(access);
});

test("lock access: a login of the user's is not sent, and what it opens is noted as closed", async () => {
  const { host, seen } = await startServer((request, response, server) =>
    request.headers.authorization === undefined
      ? status(401, { "www-authenticate": 'Basic realm="r"' })(request, response, server)
      : tool(request, response, server),
  );
  const cwd = temporaryFolder();
  const env = { ORAS_USER: "user", ORAS_PASS: "secret", BUCK2_ORAS_REGISTRY: host };
  await succeeding(oras(["lock", "add", "tool", `${host}/t/tool:1`], { cwd, env }));
  expect(accessIn(cwd)).toBe("token");
  expect(seen.filter(({ headers }) => headers.range !== undefined)).toMatchObject([
    { headers: { range: "bytes=0-0" } },
  ]);
});

test("lock access: `lock update` notes a change, and a registry that says nothing changes nothing", async () => {
  let answer: Handler = status(401);
  const { host } = await startServer(answering((...args) => answer(...args)));
  const cwd = temporaryFolder();
  const run = async (...args: string[]): Promise<string> =>
    (await succeeding(oras(["lock", ...args, "--json"], { cwd }))).stdout;
  await run("add", "tool", `${host}/t/tool:1`);
  expect(accessIn(cwd)).toBe("token");
  answer = status(503);
  expect(await run("update")).toContain('"unchanged"');
  expect(accessIn(cwd)).toBe("token");
  answer = tool;
  expect(await run("update")).toContain('"updated"');
  expect(accessIn(cwd)).toBe("http");
});

test("lock access: what the user's own authority opened is not known of other programs", async (context) => {
  const dir = temporaryFolder();
  const ca = createPrivateCa(requireProgram(context, "openssl"), dir);
  const name = "registry.acme.example";
  const serve: Handler = tool;
  const server = await startTlsServer({ name, certificate: ca.sign(name) }, (request, response) => {
    const seen = { method: request.method ?? "", url: request.url ?? "", headers: request.headers };
    serve({ ...seen, body: "", sha256: "" }, response, { host: "", seen: [] });
  });
  const add = ["lock", "add", "tool", `${server.host}/t/tool:1`, "--ca-file", ca.certificate];
  await succeeding(oras(add, { cwd: dir, env: server.env }));
  expect(accessIn(dir)).toBeUndefined();
});

test("lock access: a layout folder has none", async () => {
  const { host } = await startServer(tool);
  const cwd = temporaryFolder();
  await succeeding(oras(["copy", `${host}/t/tool:1`, "oci:layout:1"], { cwd }));
  await succeeding(oras(["lock", "add", "tool", "oci:layout:1"], { cwd }));
  expect(accessIn(cwd)).toBeUndefined();
});

test("lock access: a repository with several platforms is asked once", async () => {
  const registry = await inProcessRegistry();
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, "file"), content);
  const platforms = ["linux-x86_64", "darwin-arm64", "windows-x86_64"];
  const items = platforms.flatMap((platform) => ["--platform", `${platform}=file`]);
  await succeeding(oras(["push", `${registry.host}/t/tool:1`, ...items, "--compression", "none"], { cwd }));
  await succeeding(oras(["lock", "add", "tool", `${registry.host}/t/tool:1`], { cwd }));
  const lock: Lock = JSON.parse(readFileSync(join(cwd, "oras.lock.json"), "utf8"));
  expect(Object.values(lock.tools.tool?.platforms ?? {}).map(({ access }) => access)).toEqual(
    platforms.map(() => "http"),
  );
  expect(registry.blobReads().filter(({ headers }) => headers.range === "bytes=0-0")).toHaveLength(1);
});
