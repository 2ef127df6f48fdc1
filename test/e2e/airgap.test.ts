/** Over an air gap: what a lock names is carried in a folder to another registry, and is built from there under the same lock. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { platformFromNode } from "../../src/model/platform.ts";
import { requireBuck2 } from "../support/buck2.ts";
import { layOutProject } from "../support/consumer.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { pushExampleTools, requireExampleTools } from "../support/example-tools.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { executionPlatforms, executionPlatformsConfig } from "../support/platform-targets.ts";
import { succeeding } from "../support/succeeding.ts";

test("air gap: registry → folder → another registry: the example is built from there, its lock unchanged", async (context) => {
  const buck2 = requireBuck2(context);
  const program = requireProgram(context, "docker-registry");
  const tools = await requireExampleTools(context);
  const [first, second] = [await startDockerRegistry(program), await startDockerRegistry(program)];
  context.onTestFinished(() => first.stop());
  context.onTestFinished(() => second.stop());
  await pushExampleTools(tools, first.host);

  const project = layOutProject(buck2, {
    isExample: true,
    registry: first.host,
    config: executionPlatformsConfig,
    files: executionPlatforms([platformFromNode(process.platform, process.arch)], "local"),
  });
  context.onTestFinished(() => project.stop());
  const lockFile = join(project.dir, "oras.lock.json");
  const lock = readFileSync(lockFile, "utf8");

  const carried = `oci:${join(temporaryFolder(), "carried")}`;
  const outside = { BUCK2_ORAS_CACHE_DIR: join(temporaryFolder(), "outside") };
  const out = await succeeding(oras(["copy", "--lock", lockFile, carried, "--json"], { env: outside }));
  expect(JSON.parse(out.stdout).artifacts).toHaveLength(3);
  await first.stop();

  const inside = { BUCK2_ORAS_CACHE_DIR: join(temporaryFolder(), "inside") };
  const mirror = `${second.host}/from/outside`;
  await succeeding(oras(["copy", "--lock", lockFile, carried, mirror], { env: inside }));
  const again = await succeeding(oras(["copy", "--lock", lockFile, carried, mirror, "--json"], { env: inside }));
  expect(JSON.parse(again.stdout)).toMatchObject({ bytesSent: 0, blobsCopied: 0, manifestsCopied: 0 });

  const unreachable = await project.build(["//..."]);
  expect(unreachable.subErrors).toContainEqual(expect.objectContaining({ category: "REGISTRY_UNAVAILABLE" }));
  const registries = { tools: { prefix: first.host, mirrors: [mirror] } };
  project.write("buck2-oras.json", JSON.stringify({ registries }));
  const built = await project.build(["//..."]);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  expect(readFileSync(lockFile, "utf8")).toBe(lock);
});
