/** Locks the tool `t/tool:1` of a registry in a package of its own, as a person would. */
import type { Consumer } from "./consumer.ts";
import { oras } from "./executable.ts";
import { temporaryFolder } from "./folders.ts";
import type { TestServer } from "./registry/server.ts";
import { succeeding } from "./succeeding.ts";

export async function lockInPackage(project: Consumer, name: string, registry: TestServer): Promise<void> {
  project.write(
    `${name}/BUCK`,
    `load("@oras//rules:defs.bzl", "oras_tool")
load("//${name}:oras.lock.json", lock = "value")
oras_tool(name = "tool", lock = lock)
`,
  );
  const args = ["lock", "add", "tool", `${registry.host}/t/tool:1`, "--lock", `${name}/oras.lock.json`];
  await succeeding(oras(args, { cwd: project.dir, env: { BUCK2_ORAS_CACHE_DIR: temporaryFolder() } }));
}
