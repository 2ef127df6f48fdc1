/** A login that ends while the worker lives: credential helpers of clouds give logins for minutes or an hour. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { sha256 } from "../support/layout-project.ts";
import { startServer } from "../support/registry/server.ts";
import { type RunningWorker, startWorker } from "../support/worker.ts";

/** Gives the password of the file, and counts its calls; a broken one says nothing. */
const helper = `#!/bin/sh
cat > /dev/null
echo asked >> "$HELPER_CALLS"
password=$(cat "$HELPER_PASSWORD") || exit 1
printf '{"Username":"oauth2accesstoken","Secret":"%s"}' "$password"
`;

const basicOf = (password: string): string =>
  `Basic ${Buffer.from(`oauth2accesstoken:${password}`).toString("base64")}`;
interface Desk {
  readonly pull: (repository: string, text?: string) => ReturnType<RunningWorker["execute"]>;
  /** Times that the helper was called. */
  readonly calls: () => number;
  /** The cloud ends the login, and the helper gives another one. */
  readonly change: (given: string, valid?: string) => void;
}

type Scheme = "Basic" | "Bearer";

async function desk(scheme: Scheme): Promise<Desk> {
  const dir = temporaryFolder();
  const bin = join(dir, "bin");
  mkdirSync(bin);
  mkdirSync(join(dir, "docker"));
  writeFileSync(join(bin, "docker-credential-cloud"), helper);
  chmodSync(join(bin, "docker-credential-cloud"), 0o755);
  const [calls, password] = [join(dir, "calls"), join(dir, "password")];
  const blobs = new Map<string, string>();
  let valid = "first";
  let generation = 0;
  writeFileSync(password, valid);
  const registry = await startServer((request, response, server) => {
    const { authorization } = request.headers;
    const isLogin = authorization === basicOf(valid);
    if (request.url.startsWith("/token")) {
      if (isLogin) response.end(JSON.stringify({ token: `tok-${generation}` }));
      else response.writeHead(401).end();
      return;
    }
    const isKnown = scheme === "Basic" ? isLogin : authorization === `Bearer tok-${generation}`;
    if (isKnown) return void response.end(blobs.get(request.url.split("/").at(-1) ?? ""));
    const challenge = scheme === "Basic" ? 'Basic realm="r"' : `Bearer realm="http://${server.host}/token",service="s"`;
    response.writeHead(401, { "www-authenticate": challenge }).end();
  });
  writeFileSync(join(dir, "docker/config.json"), JSON.stringify({ credHelpers: { [registry.host]: "cloud" } }));
  const worker = await startWorker([], {
    cwd: dir,
    env: {
      BUCK2_ORAS_CACHE_DIR: join(dir, "cache"),
      DOCKER_CONFIG: join(dir, "docker"),
      HELPER_CALLS: calls,
      HELPER_PASSWORD: password,
      PATH: `${bin}:${process.env.PATH ?? ""}`,
    },
  });
  return {
    pull: (repository, text = repository) => {
      blobs.set(sha256(text), text);
      const reference = `${registry.host}/${repository}@${sha256(text)}`;
      return worker.execute(["blob", reference, `--size=${text.length}`, `--output=out/${text}`]);
    },
    calls: () => (existsSync(calls) ? readFileSync(calls, "utf8").trim().split("\n").length : 0),
    change: (given, next = given) => {
      valid = next;
      generation += 1;
      writeFileSync(password, given);
    },
  };
}

describe.each<Scheme>(["Basic", "Bearer"])("a login by %s that ends in mid-build", (scheme) => {
  test("the helper is asked anew, once for all pulls at that time", async () => {
    const { pull, change, calls } = await desk(scheme);
    expect(await pull("t/one")).toMatchObject({ exitCode: 0 });
    expect(calls()).toBe(1);
    change("second");
    const names = Array.from({ length: 8 }, (_, index) => `t/tool${index}`);
    for (const answer of await Promise.all(names.map((name) => pull(name))))
      expect(answer, answer.stderr).toMatchObject({ exitCode: 0 });
    expect(calls()).toBe(2);
    change("third");
    expect(await pull("t/last")).toMatchObject({ exitCode: 0 });
    expect(calls()).toBe(3);
  });

  test("in one repository", async () => {
    const { pull, change } = await desk(scheme);
    expect(await pull("t/tools", "one")).toMatchObject({ exitCode: 0 });
    change("second");
    expect(await pull("t/tools", "two")).toMatchObject({ exitCode: 0 });
  });

  test("a helper that gives the same login again: refused, and told as before", async () => {
    const { pull, change, calls } = await desk(scheme);
    expect(await pull("t/one")).toMatchObject({ exitCode: 0 });
    change("first", "second");
    expect(await pull("t/two")).toMatchObject({ exitCode: 77 });
    // Anew for the login ahead of the challenge, and for the one after it.
    expect(calls()).toBe(scheme === "Basic" ? 2 : 3);
  });
});
