/** Bytes that move for a large tool under remote execution: from the registry, to the workers, to a second machine. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { requireBuck2 } from "../support/buck2.ts";
import type { Consumer } from "../support/consumer.ts";
import { startNativeLink } from "../support/nativelink.ts";
import { requireProgram } from "../support/peers.ts";
import type { ExecutionMode } from "../support/platform-targets.ts";
import { startInterruptedRegistry } from "../support/registry/interrupted.ts";
import { toolOf, toolProject } from "../support/tool-project.ts";

/** As large as buf or a Node. */
const toolBytes = 97_000_000;

/** Bytes of the outputs on this machine. */
function outputBytes({ dir }: Consumer): number {
  const folder = join(dir, "buck-out", "e2e", "art");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

/** Bytes of the tool, and of what is small beside it: sources, results and their folders. */
function expectAbout(bytes: number, expected: number): void {
  expect(bytes).toBeGreaterThanOrEqual(expected);
  expect(bytes).toBeLessThan(expected + 100_000);
}

const modes: readonly (readonly [mode: ExecutionMode, fetch: "native" | "process"])[] = [
  ["hybrid", "process"],
  ["hybrid", "native"],
  ["strict", "native"],
];

test.for(modes)(
  "remote transfer: a large tool crosses each network once, %s with %s",
  async ([mode, fetch], context) => {
    const buck2 = requireBuck2(context);
    const engine = await startNativeLink(requireProgram(context, "nativelink"));
    context.onTestFinished(() => engine.stop());
    const tools = { tool: toolOf(toolBytes, 1) };
    const registry = await startInterruptedRegistry(Object.values(tools));
    const machine = (): Consumer => {
      const project = toolProject({ buck2, registry: registry.host, tools, engine: engine.config, mode, fetch });
      context.onTestFinished(() => project.stop());
      return project;
    };
    const first = machine();
    const built = await first.build(["//use:tool"]);
    expect(built.stderr).toContain("BUILD SUCCEEDED");
    expect(built.actions).toEqual({ local: fetch === "process" ? 1 : 0, remote: 1, cached: 0 });
    expect(registry.sentBytes()).toBe(toolBytes);
    expectAbout(engine.storedBytes(), toolBytes);

    registry.goDown();
    const second = machine();
    const cached = await second.build(["//use:tool"]);
    expect(cached.stderr).toContain("BUILD SUCCEEDED");
    expect(cached.actions).toMatchObject({ local: 0, remote: 0 });
    expectAbout(outputBytes(second), 0);

    second.write("use/input.txt", "second\n");
    const other = await second.build(["//use:tool"]);
    expect(other.stderr).toContain("BUILD SUCCEEDED");
    expect(other.actions).toMatchObject({ local: 0, remote: 1 });
    expectAbout(outputBytes(second), 0);
    expectAbout(engine.storedBytes(), toolBytes);
  },
);
