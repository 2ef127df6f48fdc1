/** Mirrors without logins, in front of a registry with tokens: the ways of docs/remote-execution.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import type { Lock, LockedPlatform } from "../../src/lockfile/schema.ts";
import { type DockerRegistry, startDockerRegistry, userSecret } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import type { Ran } from "../support/run.ts";
import { succeeding } from "../support/succeeding.ts";
import { startTokenServer } from "../support/token-server.ts";
import { startZot } from "../support/zot.ts";

const login = { username: "user", password: "secret" };

interface Setting {
  /** The project's folder. */
  readonly dir: string;
  /** A new and empty mirror. */
  readonly mirror: () => Promise<string>;
  readonly upstream: DockerRegistry;
  readonly call: (...args: readonly string[]) => Promise<Ran>;
  /** Status of the answer to a plain GET of a blob. */
  readonly plainGet: (mirror: string, locked: LockedPlatform) => Promise<number>;
  readonly locked: () => LockedPlatform;
}

type StartMirror = (upstream: string) => Promise<{ readonly host: string; readonly stop: () => Promise<void> }>;

/** A tool in a registry that asks for a login by Basic, or for a token of a service. */
async function setting(context: TestContext, scheme: "Basic" | "Bearer", start: StartMirror): Promise<Setting> {
  const dir = temporaryFolder();
  const tokens = await startTokenServer({ dir, user: "user", password: "secret", publicPrefix: "none/" });
  context.onTestFinished(() => tokens.close());
  const auth = scheme === "Basic" ? { htpasswd: userSecret } : { token: tokens.auth };
  const upstream = await startDockerRegistry(requireProgram(context, "registry"), auth);
  context.onTestFinished(() => upstream.stop());
  writeFileSync(join(dir, "tool"), "#!/bin/sh\necho hello\n", { mode: 0o755 });
  const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  const owner = { ...env, ORAS_USER: "user", ORAS_PASS: "secret", BUCK2_ORAS_REGISTRY: upstream.host };
  const push = ["push", `${upstream.host}/t/tool:1`, "--platform", "linux-x86_64=tool", "--compression", "none"];
  await succeeding(oras(push, { cwd: dir, env: owner }));
  return {
    dir,
    upstream,
    mirror: async () => {
      const { host, stop } = await start(upstream.host);
      context.onTestFinished(stop);
      return host;
    },
    call: (...args) => oras(args, { cwd: dir, env }),
    plainGet: async (mirror, { layers }) => {
      const response = await fetch(`http://${mirror}/v2/t/tool/blobs/${layers[0]?.digest}`);
      await response.body?.cancel();
      return response.status;
    },
    locked: () => {
      const lock: Lock = JSON.parse(readFileSync(join(dir, "oras.lock.json"), "utf8"));
      const platform = lock.tools.tool?.platforms["linux-x86_64"];
      if (platform === undefined) throw new Error("the tool is not locked");
      return platform;
    },
  };
}

// By Basic: distribution sends its login to no token service at another port of loopback.
test("pull-through: distribution gives a locked blob to everybody, also when it is empty", async (context) => {
  const program = requireProgram(context, "registry");
  const { mirror, call, plainGet, locked, upstream } = await setting(context, "Basic", (host) =>
    startDockerRegistry(program, { proxy: { remoteurl: `http://${host}`, ...login } }),
  );
  await succeeding(call("lock", "add", "tool", `${await mirror()}/t/tool:1`));
  expect(locked().access).toBe("http");
  const empty = await mirror();
  expect(await plainGet(empty, locked())).toBe(200);
  // The registry itself gives nothing without a login.
  expect(await plainGet(upstream.host, locked())).toBe(401);
});

test("pull-through: zot copies an artifact when a manifest is asked for, such as by `lock check --online`", async (context) => {
  const program = requireProgram(context, "zot");
  const { dir, mirror, call, plainGet, locked } = await setting(context, "Bearer", (host) =>
    startZot(program, undefined, { host, ...login }),
  );
  const first = await mirror();
  const added = await call("lock", "add", "tool", `${first}/t/tool:1`);
  if (added.stderr.includes("NAME_UNKNOWN")) context.skip("this zot was built without the extension sync");
  await succeeding(Promise.resolve(added));
  expect(locked().access).toBe("http");
  expect(await plainGet(first, locked())).toBe(200);
  // A blob alone is no reason for zot to ask the registry.
  const empty = await mirror();
  expect(await plainGet(empty, locked())).toBe(404);
  const lockFile = join(dir, "oras.lock.json");
  writeFileSync(lockFile, readFileSync(lockFile, "utf8").replaceAll(first, empty));
  // What this machine has cached makes no difference.
  await succeeding(call("lock", "check", "--online"));
  expect(await plainGet(empty, locked())).toBe(200);
  // A command that knows the lock asks for the manifest itself.
  const third = await mirror();
  writeFileSync(lockFile, readFileSync(lockFile, "utf8").replaceAll(empty, third));
  const cache = ["--cache-dir", join(dir, "another-cache")];
  await succeeding(call("prefetch", "--platform", "linux-x86_64", ...cache));
  expect(await plainGet(third, locked())).toBe(200);
  // A build action is told the manifest by the rules.
  const fourth = await mirror();
  const { layers, manifest } = locked();
  const [{ digest = "", size = 0 } = {}] = layers;
  const blob = [
    "blob",
    `${fourth}/t/tool@${digest}`,
    `--size=${size}`,
    "--output=out",
    "--cache-dir",
    join(dir, "third"),
  ];
  expect(await call(...blob)).toMatchObject({ exitCode: 66 });
  await succeeding(call(...blob, `--manifest=${manifest}`));
  expect(await plainGet(fourth, locked())).toBe(200);
});
