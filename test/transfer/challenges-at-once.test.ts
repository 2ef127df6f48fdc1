/** Several layers that are asked for a login at the same time, while the helper that keeps logins takes its time. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { type Handler, startServer } from "../support/registry/server.ts";
import { serveFolder } from "../support/registry/tool.ts";
import type { Ran } from "../support/run.ts";

const files = { a: "a".repeat(5000), b: "b".repeat(5000), c: "c".repeat(5000) };

interface Machine {
  readonly dir: string;
  readonly pull: (reference: string) => Promise<Ran>;
}

/** A machine whose credential helper takes half a second to say that it has nothing. */
function machine(): Machine {
  const dir = temporaryFolder();
  const bin = join(dir, "bin");
  mkdirSync(bin);
  const helper = "#!/bin/sh\nsleep 0.5\necho 'credentials not found in native keychain'\nexit 1\n";
  writeFileSync(join(bin, "docker-credential-slow"), helper);
  chmodSync(join(bin, "docker-credential-slow"), 0o755);
  writeFileSync(join(dir, "config.json"), '{"credsStore": "slow"}');
  const env = {
    DOCKER_CONFIG: dir,
    BUCK2_ORAS_CACHE_DIR: join(dir, "cache"),
    PATH: `${bin}:${process.env.PATH ?? ""}`,
  };
  return { dir, pull: (reference) => oras(["pull", reference, "-o", "out"], { cwd: dir, env }) };
}

const serve = serveFolder(files);
const lockedBlobs: Handler = (request, response, server) => {
  if (request.url.includes("/blobs/")) response.writeHead(401, { "www-authenticate": "Basic" }).end();
  else serve(request, response, server);
};

test("a registry that wants a login for them: exit 77, with what to do", async () => {
  const server = await startServer(lockedBlobs);
  const ran = await machine().pull(`${server.host}/t/tool:1`);
  expect(ran.exitCode, ran.stderr).toBe(77);
  expect(ran.stderr).toMatch(/error\[REGISTRY_UNAUTHORIZED\][\s\S]*no credentials were found/);
});

test("a mirror that wants one: the registry gives them", async () => {
  const origin = await startServer(serve);
  const mirror = await startServer(lockedBlobs);
  const { dir, pull } = machine();
  const named = { prefix: `${origin.host}/t`, mirrors: [`${mirror.host}/m`] };
  writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ registries: { acme: named } }));
  const ran = await pull(`${origin.host}/t/tool:1`);
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(origin.seen.filter(({ url }) => url.includes("/blobs/"))).toHaveLength(3);
});
