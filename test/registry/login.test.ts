/** `login` at what is no registry, at one that sends it elsewhere, and at one that asks for nothing. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { type Handler, startServer } from "../support/registry/server.ts";
import type { Ran } from "../support/run.ts";

interface Tried extends Ran {
  /** The docker configuration that the login left; undefined without one. */
  readonly stored: string | undefined;
}

async function login(host: string, ...args: string[]): Promise<Tried> {
  const dir = temporaryFolder();
  const ran = await oras(["login", host, "-u", "user", "--password-stdin", ...args], {
    input: "hunter2",
    env: { DOCKER_CONFIG: dir },
  });
  const path = join(dir, "config.json");
  expect(ran.stdout + ran.stderr).not.toContain("hunter2");
  return { ...ran, stored: existsSync(path) ? readFileSync(path, "utf8") : undefined };
}

test("a redirect to another host is not followed, so that its token service never sees the password", async () => {
  const elsewhere = await startServer(({ url }, response, { host }) => {
    if (url.startsWith("/token")) response.end('{"token": "tok"}');
    else response.writeHead(401, { "www-authenticate": `Bearer realm="http://${host}/token"` }).end();
  });
  const server = await startServer((_request, response) =>
    response.writeHead(302, { location: `http://${elsewhere.host}/v2/` }).end(),
  );
  const ran = await login(server.host);
  expect(ran.exitCode).toBe(69);
  expect(ran.stderr).toMatch(/REDIRECT_REFUSED/);
  expect(ran.stderr).toContain(elsewhere.host);
  expect(ran.stored).toBeUndefined();
  expect(elsewhere.seen).toEqual([]);
});

test("a redirect only after the challenge is refused, too: a 200 from elsewhere proves no login", async () => {
  const elsewhere = await startServer((_request, response) => response.end("{}"));
  const server = await startServer(({ headers }, response) => {
    if (headers.authorization === undefined) response.writeHead(401, { "www-authenticate": "Basic" }).end();
    else response.writeHead(307, { location: `http://${elsewhere.host}/v2/` }).end();
  });
  const ran = await login(server.host);
  expect(ran.stderr).toMatch(/REDIRECT_REFUSED/);
  expect(ran.stored).toBeUndefined();
  expect(elsewhere.seen).toEqual([]);
});

test.each<[string, Handler]>([
  ["a web page", (_request, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>hi")],
  ["bytes that are no registry's answer", (_request, response) => response.end("ok")],
])("%s in place of a registry: the login is neither shown nor stored", async (what, handler) => {
  const server = await startServer(handler);
  const ran = await login(server.host);
  expect(ran.exitCode).toBe(65);
  expect(ran.stderr).toContain(`error[RESPONSE_INVALID]: ${server.host} answered with ${what}; the login was not sent`);
  expect(ran.stored).toBeUndefined();
  expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
});

test.each<[string, Handler]>([
  [
    "by its header",
    (_request, response) => response.writeHead(200, { "docker-distribution-api-version": "registry/2.0" }).end(),
  ],
  ["by its answer", (_request, response) => response.end("{}")],
])(
  "a registry, known %s, that asks for no login is shown none; it is stored, and that it is unchecked is said",
  async (_what, handler) => {
    const server = await startServer(handler);
    const ran = await login(server.host);
    expect(ran).toMatchObject({ exitCode: 0, stdout: `Logged in to ${server.host} as user\n` });
    expect(ran.stderr).toContain("asks for no login: the login was not checked");
    expect(ran.stored).toContain(server.host);
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    expect(JSON.parse((await login(server.host, "--json")).stdout)).toMatchObject({ checked: false });
  },
);

test("a registry that refuses its own service's token, and then asks for Basic, gets the login", async () => {
  const server = await startServer(({ url, headers }, response, { host }) => {
    const { authorization } = headers;
    if (url.startsWith("/token")) response.end('{"token": "tok"}');
    else if (authorization?.startsWith("Basic ")) response.end(url.endsWith("list") ? '{"tags": ["1"]}' : "{}");
    else {
      const challenge = authorization === undefined ? `Bearer realm="http://${host}/token"` : 'Basic realm="harbor"';
      response.writeHead(401, { "www-authenticate": challenge }).end();
    }
  });
  expect(JSON.parse((await login(server.host, "--json")).stdout)).toMatchObject({ checked: true });
  const env = { ORAS_USER: "user", ORAS_PASS: "hunter2" };
  const listed = await oras(["list", "t/tool", "--registry", server.host], { env });
  expect(listed).toMatchObject({ exitCode: 0, stdout: "1\n" });
});

test("a registry that takes the login is said to have checked it", async () => {
  const server = await startServer(({ headers }, response) =>
    headers.authorization === undefined
      ? response.writeHead(401, { "www-authenticate": "Basic" }).end()
      : response.end("{}"),
  );
  expect(JSON.parse((await login(server.host, "--json")).stdout)).toMatchObject({ checked: true });
});
