/** An engine that drops a tool from its CAS while its action cache still names the tool. */
import { expect, type TestContext, test } from "vitest";
import { requireBuck2 } from "../support/buck2.ts";
import type { Consumer } from "../support/consumer.ts";
import { startNativeLink } from "../support/nativelink.ts";
import { requireProgram } from "../support/peers.ts";
import type { ExecutionMode } from "../support/platform-targets.ts";
import { startInterruptedRegistry } from "../support/registry/interrupted.ts";
import { toolOf, toolProject } from "../support/tool-project.ts";

interface Setting {
  readonly mode: ExecutionMode;
  readonly fetch: "native" | "process";
  /** The engine's action cache gives only results whose outputs the CAS holds. */
  readonly isChecked?: boolean;
  /** Lines for the configuration of Buck2's client. */
  readonly client?: string;
}

/** Two machines after the engine dropped the tool. The first fetched the tool, the second took it from the engine without its bytes. */
async function machinesAfterEviction(
  context: TestContext,
  { mode, fetch, isChecked = false, client = "" }: Setting,
): Promise<{ readonly first: Consumer; readonly second: Consumer }> {
  const buck2 = requireBuck2(context);
  const engine = await startNativeLink(requireProgram(context, "nativelink"), { casBytes: 2_000_000, isChecked });
  context.onTestFinished(() => engine.stop());
  // Together more than the CAS holds.
  const tools = { tool: toolOf(1_000_000, 1), other: toolOf(1_500_000, 2) };
  const registry = await startInterruptedRegistry(Object.values(tools));
  const machine = (): Consumer => {
    const project = toolProject({ buck2, registry: registry.host, tools, engine: engine.config + client, mode, fetch });
    context.onTestFinished(() => project.stop());
    return project;
  };
  const [first, second] = [machine(), machine()];
  expect((await first.build(["//use:tool"])).stderr).toContain("BUILD SUCCEEDED");
  expect((await second.build(["//use:tool"])).actions).toMatchObject({ local: 0, remote: 0 });
  expect((await first.build(["//use:other"])).stderr).toContain("BUILD SUCCEEDED");
  expect(engine.storedBytes()).toBeLessThan(2_000_000);
  first.write("use/input.txt", "second\n");
  second.write("use/input.txt", "third\n");
  return { first, second };
}

const lost = "not found in either fast or slow store";

test("remote eviction: native, a tool that the engine dropped is sent again", async (context) => {
  const { first, second } = await machinesAfterEviction(context, { mode: "strict", fetch: "native" });
  for (const machine of [second, first]) {
    const built = await machine.build(["//use:tool"]);
    expect(built.stderr).toContain("BUILD SUCCEEDED");
    expect(built.actions).toMatchObject({ local: 0, remote: 1 });
  }
});

test("remote eviction: process, the action cache names a lost tool, until a build without that cache", async (context) => {
  const { second } = await machinesAfterEviction(context, { mode: "hybrid", fetch: "process" });
  const failed = await second.build(["//use:tool"]);
  expect(failed.stderr).toContain("Internal error (stage: remote_call_error)");
  expect(failed.stderr).toContain(lost);
  await second.buck2(["kill"]);
  const again = await second.build(["//use:tool"], { args: ["--no-remote-cache"] });
  expect(again.stderr).toContain("BUILD SUCCEEDED");
  expect(again.actions).toMatchObject({ local: 1, remote: 1 });
});

test("remote eviction: process, the machine that fetched a tool sends it again after its daemon asked the engine anew", async (context) => {
  const { first } = await machinesAfterEviction(context, { mode: "hybrid", fetch: "process" });
  expect((await first.build(["//use:tool"])).stderr).toContain(lost);
  await first.buck2(["kill"]);
  const again = await first.build(["//use:tool"]);
  expect(again.stderr).toContain("BUILD SUCCEEDED");
  expect(again.actions).toMatchObject({ local: 0, remote: 1 });
});

test("remote eviction: process, a client that never trusts the engine's memory sends the tool again by itself", async (context) => {
  const client = "  cas_ttl_secs = 0\n";
  const { first } = await machinesAfterEviction(context, { mode: "hybrid", fetch: "process", client });
  const again = await first.build(["//use:tool"]);
  expect(again.stderr).toContain("BUILD SUCCEEDED");
  expect(again.actions).toMatchObject({ local: 0, remote: 1 });
});

test("remote eviction: process, an engine that checks its results: a new daemon fetches the tool", async (context) => {
  const { second } = await machinesAfterEviction(context, { mode: "hybrid", fetch: "process", isChecked: true });
  expect((await second.build(["//use:tool"])).stderr).toContain(lost);
  await second.buck2(["kill"]);
  const again = await second.build(["//use:tool"]);
  expect(again.stderr).toContain("BUILD SUCCEEDED");
  expect(again.actions).toMatchObject({ local: 1, remote: 1 });
});
