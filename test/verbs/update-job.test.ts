/** The update job of docs/updating.md, run as a forge's scheduler would: a bare repository, fresh clones, a registry. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { oras, orasWords } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { type Ran, run } from "../support/run.ts";
import { succeeding } from "../support/succeeding.ts";

const page = readFileSync(new URL("../../docs/updating.md", import.meta.url), "utf8");
const script = /## An update job[\s\S]*?```sh\n([\s\S]*?)```/.exec(page)?.[1] ?? "";

const prefix = "org.opencontainers.image.";
const source = "https://git.example/acme/tool";

interface Forge {
  readonly host: string;
  readonly git: (...args: readonly string[]) => string;
  readonly publish: (version: string, from: string) => Promise<void>;
  /** Runs the script in a fresh clone. */
  readonly job: () => Promise<Ran>;
}

async function startForge(host: string): Promise<Forge> {
  const dir = temporaryFolder();
  const [bare, bin] = [join(dir, "forge.git"), join(dir, "bin")];
  const identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"];
  const in_ = (cwd: string, ...args: readonly string[]): string =>
    execFileSync("git", [...identity, ...args], { cwd, encoding: "utf8", env: { PATH: process.env.PATH, HOME: dir } });
  mkdirSync(bin);
  writeFileSync(join(bin, "buck2-oras"), `#!/bin/sh\nexec ${orasWords()} "$@"\n`);
  chmodSync(join(bin, "buck2-oras"), 0o755);
  const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache"), HOME: dir, PATH: `${bin}:${process.env.PATH}` };
  const publish: Forge["publish"] = async (version, from) => {
    writeFileSync(join(dir, "tool"), `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
    const stated = [`${prefix}version=${version}`, `${prefix}source=${from}`].flatMap((one) => ["--annotation", one]);
    await succeeding(oras(["push", `${host}/acme/tool:latest`, "tool", ...stated], { cwd: dir, env }));
  };
  await publish("1.0", source);
  const work = join(dir, "work");
  in_(dir, "init", "--quiet", "--bare", bare);
  in_(dir, "clone", "--quiet", bare, work);
  await succeeding(oras(["lock", "add", "tool", `${host}/acme/tool:latest`], { cwd: work, env }));
  in_(work, "add", ".");
  in_(work, "commit", "--quiet", "--message", "a lock");
  in_(work, "push", "--quiet", "origin", "HEAD:main");
  let clones = 0;
  return {
    host,
    publish,
    git: (...args) => in_(bare, ...args).trim(),
    job: async () => {
      clones += 1;
      const clone = join(dir, `clone-${clones}`);
      in_(dir, "clone", "--quiet", "--branch", "main", bare, clone);
      return await run("sh", ["-c", script], { cwd: clone, env });
    },
  };
}

test("update job: a branch with one commit, whose body is the table; no branch without a change", async (context) => {
  expect(script.split("\n").length).toBeLessThan(13);
  const registry = await startDockerRegistry(requireProgram(context, "docker-registry"));
  context.onTestFinished(registry.stop);
  const { git, job, publish } = await startForge(registry.host);
  const idle = await job();
  expect(idle.exitCode, idle.stderr).toBe(0);
  expect(git("branch", "--list", "update-tools")).toBe("");

  await publish("2.0 [skip ci] fixes #1", source);
  const ran = await job();
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(git("rev-list", "--count", "main..update-tools")).toBe("1");
  expect(git("diff", "--name-only", "main", "update-tools")).toBe("oras.lock.json");
  const message = git("log", "-1", "--format=%B", "update-tools");
  expect(message).toMatch(/^lock: newer tools\n\n1 tool changed\.\n\n\| Tool \| Version \|/);
  expect(message).toContain(`| \`tool\` | \`1.0\` → <code>2&#46;0 &#91;skip ci&#93; fixes &#35;1</code> |`);
  expect(message).toContain(`\`${source}\``);
  expect(message).not.toContain("[skip ci]");

  // The same lock again is no news: a new commit would start all checks of the pull request.
  const commit = git("rev-parse", "update-tools");
  const again = await job();
  expect(again.exitCode, again.stderr).toBe(0);
  expect(git("rev-parse", "update-tools")).toBe(commit);

  await publish("3.0", source);
  await succeeding(job());
  expect(git("rev-list", "--count", "main..update-tools")).toBe("1");
  expect(git("log", "-1", "--format=%B", "update-tools")).toContain("| `1.0` → `3.0` |");
});

test("update job: a refused version ends the job with 65, and no branch moves", async (context) => {
  const registry = await startDockerRegistry(requireProgram(context, "docker-registry"));
  context.onTestFinished(registry.stop);
  const { git, job, publish } = await startForge(registry.host);
  await publish("2.0", source);
  await succeeding(job());
  const commit = git("rev-parse", "update-tools");
  await publish("3.0", "https://git.example/mallory/tool");
  const refused = await job();
  expect(refused.exitCode).toBe(65);
  expect(refused.stderr).toContain("SOURCE_CHANGED");
  expect(refused.stderr).toContain("add --accept-source https://git.example/mallory/tool");
  expect(git("rev-parse", "update-tools")).toBe(commit);
});
