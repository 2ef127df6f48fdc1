/** An engine that drops a tool from its CAS while its action cache still names the tool. */
import { expect, type TestContext, test } from "vitest";
import { requireBuck2 } from "../support/buck2.ts";
import type { Consumer } from "../support/consumer.ts";
import { startNativeLink } from "../support/nativelink.ts";
import { requireProgram } from "../support/peers.ts";
import type { ExecutionMode } from "../support/platform-targets.ts";
import { startInterruptedRegistry } from "../support/registry/interrupted.ts";
import { toolOf, toolProject } from "../support/tool-project.ts";

/** A second machine that took the tool from the engine without its bytes, before the engine dropped them. */
async function machineAfterEviction(
  context: TestContext,
  mode: ExecutionMode,
  fetch: "native" | "process",
): Promise<Consumer> {
  const buck2 = requireBuck2(context);
  const engine = await startNativeLink(requireProgram(context, "nativelink"), { casBytes: 2_000_000 });
  context.onTestFinished(() => engine.stop());
  // Together more than the CAS holds.
  const tools = { tool: toolOf(1_000_000, 1), other: toolOf(1_500_000, 2) };
  const registry = await startInterruptedRegistry(Object.values(tools));
  const machine = (): Consumer => {
    const project = toolProject({ buck2, registry: registry.host, tools, engine: engine.config, mode, fetch });
    context.onTestFinished(() => project.stop());
    return project;
  };
  const [first, second] = [machine(), machine()];
  expect((await first.build(["//use:tool"])).stderr).toContain("BUILD SUCCEEDED");
  expect((await second.build(["//use:tool"])).actions).toMatchObject({ local: 0, remote: 0 });
  expect((await first.build(["//use:other"])).stderr).toContain("BUILD SUCCEEDED");
  expect(engine.storedBytes()).toBeLessThan(2_000_000);
  second.write("use/input.txt", "second\n");
  return second;
}

test("remote eviction: native, a tool that the engine dropped is sent again", async (context) => {
  const second = await machineAfterEviction(context, "strict", "native");
  const built = await second.build(["//use:tool"]);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  expect(built.actions).toMatchObject({ local: 0, remote: 1 });
});

test("remote eviction: process, the action cache names a lost tool, until a build without that cache", async (context) => {
  const second = await machineAfterEviction(context, "hybrid", "process");
  const lost = await second.build(["//use:tool"]);
  expect(lost.stderr).toContain("Internal error (stage: remote_call_error)");
  expect(lost.stderr).toContain("not found in either fast or slow store");
  await second.buck2(["kill"]);
  const again = await second.build(["//use:tool"], { args: ["--no-remote-cache"] });
  expect(again.stderr).toContain("BUILD SUCCEEDED");
  expect(again.actions).toMatchObject({ local: 1, remote: 1 });
});
