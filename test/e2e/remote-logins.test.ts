/** Strict remote execution and a registry with logins: pulls run where a login is. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { platformFromNode } from "../../src/model/platform.ts";
import { requireBuck2 } from "../support/buck2.ts";
import { type Consumer, layOutProject } from "../support/consumer.ts";
import { startDockerRegistry, userSecret } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startNativeLink } from "../support/nativelink.ts";
import { requireProgram, type Skippable } from "../support/peers.ts";
import { executionPlatforms, executionPlatformsConfig } from "../support/platform-targets.ts";
import { publishedProject } from "../support/published-layers.ts";
import { publishTool } from "../support/published-tool.ts";
import { succeeding } from "../support/succeeding.ts";

type TestContext = Skippable & { readonly onTestFinished: (end: () => Promise<void>) => void };

/** Runs a tool, as a code generator would be. */
const use = `def _impl(ctx: AnalysisContext) -> list[Provider]:
    out = ctx.actions.declare_output("out.txt")
    command = cmd_args("/bin/sh", "-c", '"$0" > "$1"', ctx.attrs.tool[RunInfo], out.as_output())
    ctx.actions.run(command, category = "use")
    return [DefaultInfo(default_output = out)]

use = rule(impl = _impl, attrs = {"tool": attrs.exec_dep(providers = [RunInfo])})
`;

const login = { ORAS_USER: "user", ORAS_PASS: "secret" };

interface Fleet {
  readonly project: (toolchain: string) => Consumer;
  readonly stopRegistry: () => Promise<void>;
  /** `HOME` with a login. */
  readonly home: string;
  /** `HOST/REPOSITORY:TAG` of a tool of two layers. */
  readonly folder: string;
}

async function startFleet(context: TestContext, workerHasLogin: boolean): Promise<Fleet> {
  const buck2 = requireBuck2(context);
  const engine = requireProgram(context, "nativelink");
  const registryProgram = requireProgram(context, "docker-registry");
  const platform = platformFromNode(process.platform, process.arch);
  const registry = await startDockerRegistry(registryProgram, { htpasswd: userSecret });
  context.onTestFinished(() => registry.stop());
  const home = temporaryFolder();
  mkdirSync(join(home, ".docker"));
  const auth = Buffer.from("user:secret").toString("base64");
  writeFileSync(join(home, ".docker/config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
  const workerHome = workerHasLogin ? home : temporaryFolder();
  const execution = await startNativeLink(engine, { env: { HOME: workerHome, BUCK2_ORAS_NODE: process.execPath } });
  context.onTestFinished(() => execution.stop());
  const tool = await publishTool(`${registry.host}/tools`, { ...login, BUCK2_ORAS_REGISTRY: registry.host });
  const project: Fleet["project"] = (toolchain) => {
    const made = layOutProject(buck2, {
      config: executionPlatformsConfig + execution.config,
      files: {
        ...executionPlatforms([platform], "strict", platform),
        "use.bzl": use,
        BUCK: `load("@oras//rules:defs.bzl", "oras_artifact")\nload(":use.bzl", "use")\n${tool.target("tool")}\nuse(name = "used", tool = ":tool")\n`,
        "toolchains/BUCK": `load("@oras//rules:defs.bzl", "oras_toolchain")\noras_toolchain(name = "oras", ${toolchain}visibility = ["PUBLIC"])\n`,
      },
    });
    context.onTestFinished(() => made.stop());
    return made;
  };
  const folder = `${registry.host}/folder:1`;
  const { dir } = publishedProject([
    { title: "one", body: "one" },
    { title: "two", body: "two" },
  ]);
  await succeeding(oras(["copy", "oci:layout:1", folder], { cwd: dir, env: { HOME: home } }));
  return { project, stopRegistry: () => registry.stop(), home, folder };
}

const used = ["//:used"];

test("remote logins: a platform for fetches alone pulls here, and the tool runs on a worker", async (context) => {
  const { project, stopRegistry, home, folder } = await startFleet(context, false);
  const toolchain = 'exec_compatible_with = ["root//platforms:fetches"], ';
  const machine = project(toolchain);
  const first = await machine.build(used, { env: { HOME: home } });
  expect(first.stderr).toContain("BUILD SUCCEEDED");
  expect(first.actions).toMatchObject({ local: 1, remote: 1 });
  await succeeding(oras(["lock", "add", "folder", folder], { cwd: machine.dir, env: { HOME: home } }));
  machine.write(
    "folder/BUCK",
    'load("@oras//rules:defs.bzl", "oras_tool")\nload("//:oras.lock.json", lock = "value")\noras_tool(name = "folder", lock = lock)\n',
  );
  const layers = await machine.build(["//folder:folder"], { env: { HOME: home } });
  expect(layers.stderr).toContain("BUILD SUCCEEDED");
  expect(layers.actions.local).toBe(2);
  await stopRegistry();
  const second = await project(toolchain).build(used);
  expect(second.stderr).toContain("BUILD SUCCEEDED");
  expect(second.actions).toMatchObject({ local: 0, remote: 0 });
});

test("remote logins: workers that have a login pull themselves", async (context) => {
  const { project } = await startFleet(context, true);
  const built = await project("workers_can_pull = True, ").build(used);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  expect(built.actions).toMatchObject({ local: 0, remote: 2 });
});

test("remote logins: a worker without a login tells what is missing", async (context) => {
  const { project } = await startFleet(context, false);
  const built = await project("workers_can_pull = True, ").build(used);
  expect(built.exitCode).not.toBe(0);
  const remediation = expect.stringMatching(/log in with .*; a remote execution worker ran this action/);
  expect(built.subErrors).toMatchObject([{ category: "REGISTRY_UNAUTHORIZED", remediation }]);
});
