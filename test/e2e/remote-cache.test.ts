/** A second machine gets the tools from a remote cache, without registry and without a cache of its own. */
import { expect, test } from "vitest";
import { platformFromNode } from "../../src/model/platform.ts";
import { startBazelRemote } from "../support/bazel-remote.ts";
import { requireBuck2 } from "../support/buck2.ts";
import { layOutProject } from "../support/consumer.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { pushExampleTools, requireExampleTools } from "../support/example-tools.ts";
import { requireProgram } from "../support/peers.ts";
import { executionPlatforms, executionPlatformsConfig } from "../support/platform-targets.ts";

test("remote cache: a second project folder is built from it, with registry and local cache gone", async (context) => {
  const buck2 = requireBuck2(context);
  const registryProgram = requireProgram(context, "docker-registry");
  const cacheProgram = requireProgram(context, "bazel-remote");
  const platform = platformFromNode(process.platform, process.arch);
  const tools = await requireExampleTools(context, [platform]);

  const registry = await startDockerRegistry(registryProgram);
  context.onTestFinished(() => registry.stop());
  const remoteCache = await startBazelRemote(cacheProgram);
  context.onTestFinished(() => remoteCache.stop());
  await pushExampleTools(tools, registry.host);
  const layOut = () => {
    const project = layOutProject(buck2, {
      isExample: true,
      registry: registry.host,
      config: executionPlatformsConfig + remoteCache.config,
      files: executionPlatforms([platform], "cache"),
    });
    context.onTestFinished(() => project.stop());
    return project;
  };

  const first = await layOut().build(["//..."]);
  expect(first.stderr).toContain("BUILD SUCCEEDED");
  // An action that two configurations share may be found in the cache by the second of them.
  expect(first.actions.remote).toBe(0);
  expect(first.actions.cached).toBeLessThan(3);
  expect(first.actions.local).toBeGreaterThan(5);

  await registry.stop();
  const second = await layOut().build(["//..."]);
  expect(second.stderr).toContain("BUILD SUCCEEDED");
  // Not the same number as before: Buck2 runs or looks up an action that two configurations share once or twice, as they meet.
  expect(second.actions).toMatchObject({ local: 0, remote: 0 });
  expect(second.actions.cached).toBeGreaterThan(5);
});
