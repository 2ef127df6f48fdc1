/** zot: the referrers API, and a login by Basic. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { startDockerRegistry, userSecret } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { type Ran, run } from "../support/run.ts";
import { startZot } from "../support/zot.ts";

interface Desk {
  readonly dir: string;
  readonly call: (...args: string[]) => Promise<Ran>;
}

function desk(env: Readonly<Record<string, string>> = {}): Desk {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), "#!/bin/sh\necho hello\n", { mode: 0o755 });
  const own = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache"), ...env };
  return {
    dir,
    call: async (...args) => {
      const ran = await oras(args, { cwd: dir, env: own });
      expect(ran.exitCode, `${args.join(" ")}: ${ran.stderr}`).toBe(0);
      return ran;
    },
  };
}

async function zot(context: TestContext, htpasswd?: string): Promise<string> {
  const registry = await startZot(requireProgram(context, "zot"), htpasswd);
  context.onTestFinished(registry.stop);
  return registry.host;
}

test("zot: push, lock, pull and prune; an SBOM goes along to a folder, to a registry without the API, and back", async (context) => {
  const host = await zot(context);
  const peer = requireProgram(context, "oras");
  const other = await startDockerRegistry(requireProgram(context, "docker-registry"));
  context.onTestFinished(other.stop);
  const { dir, call } = desk();
  const reference = `${host}/t/tool:1`;
  await call("push", reference, "--platform", "linux-x86_64=tool", "--platform", "darwin-arm64=tool");
  writeFileSync(join(dir, "sbom.json"), "{}");
  const type = "application/spdx+json";
  const attached = await run(
    peer,
    ["attach", "--plain-http", reference, "--artifact-type", type, `sbom.json:${type}`],
    { cwd: dir },
  );
  expect(attached.exitCode, attached.stderr).toBe(0);

  await call("copy", reference, "oci:layout:1");
  await call("copy", "oci:layout:1", `${other.host}/t/tool:1`);
  await call("copy", `${other.host}/t/tool:1`, `${host}/back/tool:1`);
  const found = await run(peer, ["discover", "--plain-http", "--format", "json", `${host}/back/tool:1`]);
  expect(found.stdout).toContain(type);

  await call("lock", "add", "tool", reference);
  await call("lock", "check", "--online");
  await call("pull", reference, "--platform", "linux-x86_64", "-o", "out");
  expect((await run(join(dir, "out/tool"), [])).stdout).toBe("hello\n");
  expect((await call("doctor", reference)).stdout).toMatch(/referrers +ok .* API supported/);
  await call("tag", reference, "2");
  expect((await call("list", `${host}/t/tool`)).stdout).toBe("1\n2\n");
});

test("zot: a login by Basic, stored and used", async (context) => {
  const host = await zot(context, userSecret);
  const { dir, call } = desk({ DOCKER_CONFIG: temporaryFolder() });
  const refused = await oras(["push", `${host}/t/tool:1`, "tool"], { cwd: dir });
  expect(refused.exitCode).toBe(77);
  const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache"), DOCKER_CONFIG: dir };
  const login = await oras(["login", host, "-u", "user", "--password-stdin"], { cwd: dir, env, input: "secret" });
  expect(login.exitCode, login.stderr).toBe(0);
  const pushed = await oras(["push", `${host}/t/tool:1`, "tool"], { cwd: dir, env });
  expect(pushed.exitCode, pushed.stderr).toBe(0);
  await expect(call("list", `${host}/t/tool`)).rejects.toThrow(/REGISTRY_UNAUTHORIZED/);
});
