/** The standalone executable as a toolchain: fetched by Buck2 itself, and run on workers that have no Node. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { platformFromNode } from "../../src/model/platform.ts";
import { requireBuck2 } from "../support/buck2.ts";
import { type Consumer, layOutProject } from "../support/consumer.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { withoutNode } from "../support/hidden-node.ts";
import { startNativeLink } from "../support/nativelink.ts";
import { requireProgram, type Skippable } from "../support/peers.ts";
import { type ExecutionMode, executionPlatforms, executionPlatformsConfig } from "../support/platform-targets.ts";
import { requireStandalone } from "../support/standalone.ts";
import { succeeding } from "../support/succeeding.ts";

type TestContext = Skippable & { readonly onTestFinished: (end: () => Promise<void>) => void };

/** An archive and a compressed file, both of which an action has to unpack. */
function writeTools(dir: string): void {
  mkdirSync(join(dir, "kit/bin"), { recursive: true });
  writeFileSync(join(dir, "kit/bin/kit"), "#!/bin/sh\necho kit\n", { mode: 0o755 });
  writeFileSync(join(dir, "single"), `#!/bin/sh\necho single\n${"#\n".repeat(100_000)}`, { mode: 0o755 });
}

const toolsFile = `load("@oras//rules:defs.bzl", "oras_tool")
load("//:oras.lock.json", lock = "value")

oras_tool(name = "buck2-oras", fetch = "native", lock = lock, visibility = ["PUBLIC"])
oras_tool(name = "kit", executable = "bin/kit", lock = lock, strip_prefix = "kit")
oras_tool(name = "single", lock = lock)
`;

function toolchainsFile(attributes: string): string {
  return `load("@oras//rules:defs.bzl", "oras_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"], ${attributes})
`;
}

interface Fleet {
  /** A project folder of its own, without anything cached. */
  readonly machine: (mode: ExecutionMode, toolchain: string) => Consumer;
  readonly stopRegistry: () => Promise<void>;
}

/** Workers whose actions this script runs. @returns lines for a project's configuration */
async function startWorkers(context: TestContext, script: readonly string[]): Promise<string> {
  const engine = await startNativeLink(requireProgram(context, "nativelink"), { script });
  context.onTestFinished(() => engine.stop());
  return engine.config;
}

/** @param engine Lines of the workers for a project's configuration. */
async function startFleet(context: TestContext, engine = ""): Promise<Fleet> {
  const buck2 = requireBuck2(context);
  const registryProgram = requireProgram(context, "docker-registry");
  const standalone = await requireStandalone(context);
  const registry = await startDockerRegistry(registryProgram);
  context.onTestFinished(() => registry.stop());
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, ".buckconfig"), "");
  writeTools(cwd);
  const name = (tool: string): string => `${registry.host}/tools/${tool}:1`;
  await succeeding(oras(["copy", "oci:layout:1", name("buck2-oras")], { cwd: standalone.folder }));
  for (const tool of ["kit", "single"]) await succeeding(oras(["push", name(tool), tool], { cwd }));
  for (const tool of ["buck2-oras", "kit", "single"])
    await succeeding(oras(["lock", "add", tool, name(tool)], { cwd }));
  const machine: Fleet["machine"] = (mode, toolchain) => {
    const project = layOutProject(buck2, {
      config: `${executionPlatformsConfig}${engine}[oras]\n  fetch = native\n`,
      files: {
        ...executionPlatforms([platformFromNode(process.platform, process.arch)], mode),
        "oras.lock.json": readFileSync(join(cwd, "oras.lock.json"), "utf8"),
        "toolchains/BUCK": toolchainsFile(toolchain),
        "tools/BUCK": toolsFile,
      },
    });
    context.onTestFinished(() => project.stop());
    return project;
  };
  return { machine, stopRegistry: () => registry.stop() };
}

const standaloneCli = 'cli = "root//tools:buck2-oras"';

test("standalone: strict remote execution from empty caches, on workers without Node", async (context) => {
  const { machine, stopRegistry } = await startFleet(context, await startWorkers(context, withoutNode(context)));
  // The workers really lack it.
  const withNode = await machine("strict", "workers_can_run = True").build(["//tools:kit"]);
  expect(withNode.exitCode).not.toBe(0);
  expect(withNode.stderr).toContain("NODE_NOT_FOUND");
  const first = machine("strict", standaloneCli);
  const built = await first.build(["//tools:kit", "//tools:single"]);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  expect(built.actions).toEqual({ local: 0, remote: 2, cached: 0 });
  expect((await first.buck2(["run", "//tools:kit"])).stdout).toBe("kit\n");
  await stopRegistry();
  // Nothing local reads the executable, so nothing downloads it.
  const second = await machine("strict", standaloneCli).build(["//tools:kit", "//tools:single"]);
  expect(second.stderr).toContain("BUILD SUCCEEDED");
  expect(second.actions).toMatchObject({ local: 0, remote: 0 });
});

test("standalone: a build here needs no Node, and `buck2 run` runs the executable", async (context) => {
  const { machine } = await startFleet(context);
  const project = machine("local", standaloneCli);
  // Buck2 itself runs git.
  const bin = temporaryFolder();
  symlinkSync(requireProgram(context, "git"), join(bin, "git"));
  const env = { PATH: bin };
  const built = await project.build(["//tools:kit", "//tools:single"], { env });
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  const ran = await project.buck2(["run", "//tools:buck2-oras", "--", "list"], { env });
  expect(ran.stdout).toContain("kit");
});
