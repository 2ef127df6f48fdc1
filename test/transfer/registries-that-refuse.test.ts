/** A real registry that is read-only, or deletes nothing, or no tag alone. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { type DockerRegistry, type DockerRegistryOptions, startDockerRegistry } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import type { Ran } from "../support/run.ts";

interface Desk {
  readonly dir: string;
  readonly call: (...args: string[]) => Promise<Ran>;
}

function desk(): Desk {
  const dir = temporaryFolder();
  for (const name of ["one", "two", "three", "four"]) writeFileSync(join(dir, name), randomBytes(1000));
  const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  return { dir, call: (...args) => oras(args, { cwd: dir, env }) };
}

async function start(context: TestContext, options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const registry = await startDockerRegistry(requireProgram(context, "docker-registry"), options);
  context.onTestFinished(registry.stop);
  return registry;
}

async function done(running: Promise<Ran>): Promise<Ran> {
  const ran = await running;
  expect(ran.exitCode, ran.stderr).toBe(0);
  return ran;
}

/** By age, without the date that nobody gave it. */
const old = ["--created", "2020-01-01"];

test("a read-only registry: push, import, tag and copy say so, and it is read", async (context) => {
  const { call } = desk();
  const storageDir = temporaryFolder();
  const filling = await startDockerRegistry(requireProgram(context, "docker-registry"), { storageDir });
  await done(call("push", `${filling.host}/t/tool:1`, "one"));
  await filling.stop();
  const { host } = await start(context, { storageDir, refuses: "writes" });
  for (const args of [
    ["push", `${host}/t/tool:2`, "two"],
    ["import", "file:two", `${host}/t/tool:2`],
    ["tag", `${host}/t/tool:1`, "2"],
    ["copy", `${host}/t/tool:1`, `${host}/u/tool:1`],
  ]) {
    const ran = await call(...args);
    expect(ran.exitCode, `${args[0]}: ${ran.stderr}`).toBe(69);
    expect(ran.stderr).toMatch(/REGISTRY_REFUSED\][\s\S]*hint: [\s\S]*read-only or in maintenance/);
  }
  expect((await done(call("list", `${host}/t/tool`))).stdout).toBe("1\n");
});

test("a registry that deletes nothing: prune says what to switch on", async (context) => {
  const { call } = desk();
  const { host } = await start(context, { refuses: "deletion" });
  await done(call("push", `${host}/t/tool:1`, "one", ...old));
  const ran = await call("prune", `${host}/t/tool`, "--older-than", "30", "--delete");
  expect(ran.exitCode).toBe(69);
  expect(ran.stderr).toMatch(/DELETION_REFUSED\][\s\S]*storage\.delete\.enabled/);
  expect((await done(call("list", `${host}/t/tool`))).stdout).toBe("1\n");
});

test("a registry that deletes no tag alone keeps it, and the rest goes; what a lock names stays", async (context) => {
  const { call } = desk();
  const { host } = await start(context);
  const repository = `${host}/t/tool`;
  const platforms = ["--platform", "linux-x86_64=one", "--platform", "darwin-arm64=two"];
  await done(call("push", `${repository}:locked`, ...platforms, ...old));
  await done(call("lock", "add", "tool", `${repository}:locked`));
  await done(call("push", `${repository}:nightly-1`, "three", ...old));
  await done(call("tag", `${repository}:nightly-1`, "release"));
  await done(call("push", `${repository}:nightly-2`, "four", ...old));
  const rule = ["--older-than", "30", "--tag", "nightly-*", "--tag", "locked", "--lock", "oras.lock.json"];
  const ran = await done(call("prune", repository, ...rule, "--delete", "--json"));
  const { tags } = JSON.parse(ran.stdout) as { tags: readonly { tag: string; fate: string; why: string }[] };
  expect(Object.fromEntries(tags.map(({ tag, fate, why }) => [tag, `${fate}: ${why}`]))).toEqual({
    locked: "kept: a lock names the artifact",
    "nightly-1": "kept: the registry cannot delete a tag alone, and release is the same artifact",
    "nightly-2": "removed: no rule keeps the tag",
    release: "kept: no pattern matches the tag",
  });
  expect((await done(call("pull", `${repository}:locked`, "--platform", "linux-x86_64"))).exitCode).toBe(0);
});
