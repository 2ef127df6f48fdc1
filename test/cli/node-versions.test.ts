import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { linuxTool, sha256 } from "../support/layout-project.ts";
import { requireNode } from "../support/node-versions.ts";
import { requireProgram } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";

test.for(["20.19.0", "22", "24", "26"])(
  "Node %s: push, lock, pull, extract and list on a real registry",
  async (version, context) => {
    const node = requireNode(context, version);
    const registry = await startDockerRegistry(requireProgram(context, "docker-registry"));
    context.onTestFinished(registry.stop);
    const dir = temporaryFolder();
    const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
    const call = async (...args: string[]): Promise<string> => {
      const ran = await oras(args, { cwd: dir, env, node });
      expect(ran.exitCode, `${args.join(" ")}: ${ran.stderr}`).toBe(0);
      // Newer versions of Node warn of what is deprecated; a user would see it.
      expect(ran.stderr).not.toMatch(/warning/i);
      return ran.stdout;
    };
    writeFileSync(join(dir, "tool"), linuxTool);
    await call("push", `${registry.host}/n/tool:1`, "--platform", "linux-x86_64=tool");
    await call("lock", "add", "tool", `${registry.host}/n/tool:1`);
    await call("pull", `${registry.host}/n/tool:1`, "--platform", "linux-x86_64", "-o", "out");
    expect(sha256(readFileSync(join(dir, "out/tool")))).toBe(sha256(linuxTool));
    await call("push", "oci:layout:1", "out");
    await call("pull", "oci:layout:1", "-o", "again");
    expect(readFileSync(join(dir, "again/out/tool"), "utf8")).toBe(linuxTool);
    expect(await call("list", `${registry.host}/n/tool`)).toBe("1\n");
  },
);

test.for(["14", "18"])("Node %s: is told that it is too old, in one error with a hint", async (version, context) => {
  const ran = await oras(["--version"], { node: requireNode(context, version) });
  expect(ran).toMatchObject({ exitCode: 69, stdout: "" });
  expect(ran.stderr).toMatch(
    /^error\[NODE_UNSUPPORTED\]: Node\.js \d+\.\d+\.\d+ is too old\n {2}hint: install Node\.js 20\.19/,
  );
});

test.for(["24", "26"])(
  "Node %s: a pull over http loads no undici of Node, which takes 25 ms",
  async (version, context) => {
    const node = requireNode(context, version);
    const server = await startServer(serveTool("#!/bin/sh\n"));
    const probe = join(temporaryFolder(), "probe.cjs");
    // `moduleLoadList` is undocumented, and has the builtins that were loaded.
    writeFileSync(probe, `process.on("exit", () => console.error("loaded:", process.moduleLoadList.join("\\n")));`);
    const env = { BUCK2_ORAS_CACHE_DIR: temporaryFolder(), NODE_OPTIONS: `--require ${probe}` };
    const ran = await oras(["pull", `${server.host}/t/tool:1`], { env, node });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).toContain("NativeModule http\n");
    expect(ran.stderr).not.toContain("undici");
  },
);
