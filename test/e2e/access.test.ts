/** A build that needs a login, and one that the project's configuration sends elsewhere. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { requireBuck2 } from "../support/buck2.ts";
import { layOutProject } from "../support/consumer.ts";
import { startDockerRegistry, userSecret } from "../support/docker-registry.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { publishTool } from "../support/published-tool.ts";

const toolchains = `load("@oras//rules:defs.bzl", "oras_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
`;
const load = `load("@oras//rules:defs.bzl", "oras_artifact")\n`;

test("access: a login that `buck2 run` stored is found by a daemon that runs already", async (context) => {
  const buck2 = requireBuck2(context);
  const program = requireProgram(context, "docker-registry");
  const registry = await startDockerRegistry(program, { htpasswd: userSecret });
  context.onTestFinished(() => registry.stop());
  const login = { ORAS_USER: "user", ORAS_PASS: "secret", BUCK2_ORAS_REGISTRY: registry.host };
  const tool = await publishTool(`${registry.host}/private`, login);
  const project = layOutProject(buck2, { files: { "toolchains/BUCK": toolchains, BUCK: load + tool.target("tool") } });
  context.onTestFinished(() => project.stop());

  // A later `export` does not reach the daemon: the hint says what does.
  await project.build(["//:tool"]);
  const refused = await project.build(["//:tool"], { env: login });
  expect(refused.exitCode).not.toBe(0);
  expect(refused.subErrors).toMatchObject([{ category: "REGISTRY_UNAUTHORIZED" }]);
  expect(refused.stderr).toContain(`buck2 run oras -- login ${registry.host}`);

  const args = ["run", "oras//tools:oras", "--", "login", registry.host, "-u", "user", "--password-stdin"];
  const stored = await project.buck2(args, { input: "secret" });
  expect(stored.exitCode, stored.stderr).toBe(0);
  const built = await project.build(["//:tool"]);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
});

test("access: the project's mirrors count in a build, and its audit log does not", async (context) => {
  const buck2 = requireBuck2(context);
  const program = requireProgram(context, "docker-registry");
  const storageDir = temporaryFolder();
  const registry = await startDockerRegistry(program, { storageDir });
  context.onTestFinished(() => registry.stop());
  const mirror = await startDockerRegistry(program, { storageDir });
  context.onTestFinished(() => mirror.stop());
  const tool = await publishTool(`${registry.host}/tools/tool`);
  await registry.stop();
  const config = {
    registries: { tools: { prefix: `${registry.host}/tools`, mirrors: [`${mirror.host}/tools`] } },
    auditLog: "audit.jsonl",
  };
  const project = layOutProject(buck2, {
    files: {
      "toolchains/BUCK": toolchains,
      BUCK: load + tool.target("tool"),
      "buck2-oras.json": JSON.stringify(config),
    },
  });
  context.onTestFinished(() => project.stop());
  const built = await project.build(["//:tool"]);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  // Where it is written is the user's to say: the path could be that of a file that a shell runs.
  expect(existsSync(join(project.dir, "audit.jsonl"))).toBe(false);
});
