/** Builds on workers of remote execution: tools that Buck2 fetches itself, and tools that a process fetches here. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { platformFromNode } from "../../src/model/platform.ts";
import { requireBuck2 } from "../support/buck2.ts";
import { type Consumer, exampleDir, layOutProject } from "../support/consumer.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { pushExampleTools, requireExampleTools } from "../support/example-tools.ts";
import { startNativeLink } from "../support/nativelink.ts";
import { requireProgram, type Skippable } from "../support/peers.ts";
import { type ExecutionMode, executionPlatforms, executionPlatformsConfig } from "../support/platform-targets.ts";

interface Fleet {
  readonly registry: DockerRegistry;
  /** Another machine: a project folder of its own, without anything cached. */
  readonly machine: (mode: ExecutionMode, config?: string) => Consumer;
}

type TestContext = Skippable & { readonly onTestFinished: (end: () => Promise<void>) => void };

/** The example's tools in a registry, and workers. */
async function startFleet(context: TestContext): Promise<Fleet> {
  const buck2 = requireBuck2(context);
  const engine = requireProgram(context, "nativelink");
  const registryProgram = requireProgram(context, "docker-registry");
  const platform = platformFromNode(process.platform, process.arch);
  const tools = await requireExampleTools(context, [platform]);
  const registry = await startDockerRegistry(registryProgram);
  context.onTestFinished(() => registry.stop());
  const execution = await startNativeLink(engine);
  context.onTestFinished(() => execution.stop());
  await pushExampleTools(tools, registry.host);
  const toolchains = readFileSync(join(exampleDir, "toolchains/BUCK"), "utf8");
  const machine: Fleet["machine"] = (mode, config = "") => {
    const project = layOutProject(buck2, {
      isExample: true,
      registry: registry.host,
      config: executionPlatformsConfig + execution.config + config,
      files: {
        ...executionPlatforms([platform], mode),
        // The worker of this test is this machine, which has Node.
        "toolchains/BUCK": toolchains.replace('name = "oras",', 'name = "oras",\n    workers_can_run = True,'),
      },
    });
    context.onTestFinished(() => project.stop());
    return project;
  };
  return { registry, machine };
}

const native = "[oras]\n  fetch = native\n";

test("remote execution: hybrid, blobs come by a process here, and all else runs on workers", async (context) => {
  const { registry, machine } = await startFleet(context);
  const first = await machine("hybrid").build(["//..."]);
  expect(first.stderr).toContain("BUILD SUCCEEDED");
  // protoc, the plugin and the include folder; once or twice each, as the two configurations meet.
  expect(first.actions.local).toBeGreaterThanOrEqual(3);
  expect(first.actions.local).toBeLessThanOrEqual(6);
  expect(first.actions.remote).toBeGreaterThan(2);
  await registry.stop();
  const second = await machine("hybrid").build(["//..."]);
  expect(second.stderr).toContain("BUILD SUCCEEDED");
  expect(second.actions).toMatchObject({ local: 0, remote: 0 });
});

test("remote execution: strict, from empty caches, with blobs that Buck2 fetches itself", async (context) => {
  const { registry, machine } = await startFleet(context);
  const first = await machine("strict", native).build(["//..."]);
  expect(first.stderr).toContain("BUILD SUCCEEDED");
  expect(first.actions.local).toBe(0);
  expect(first.actions.remote).toBeGreaterThan(2);
  await registry.stop();
  // A tool that nothing local reads is not downloaded.
  const second = await machine("strict", native).build(["//events/...", "//people/..."]);
  expect(second.stderr).toContain("BUILD SUCCEEDED");
  expect(second.actions).toMatchObject({ local: 0, remote: 0 });
});

test("remote execution: strict without `fetch = native` ends with Buck2's word for it", async (context) => {
  const { machine } = await startFleet(context);
  const built = await machine("strict").build(["//tools:protoc"]);
  expect(built.exitCode).not.toBe(0);
  expect(built.stderr).toContain("local_only");
});
