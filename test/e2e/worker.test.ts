/** Builds whose pulls share one process: Buck2's persistent workers. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { requireBuck2 } from "../support/buck2.ts";
import { type Consumer, layOutProject } from "../support/consumer.ts";
import type { Skippable } from "../support/peers.ts";
import { toolTarget } from "../support/published-tool.ts";
import { ownTokens } from "../support/registry/in-process/faults/access.ts";
import { slowBody } from "../support/registry/in-process/faults/network.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import { digestWith } from "../support/registry/in-process/storage.ts";
import type { RunOptions } from "../support/run.ts";

const withWorkers = "[build]\n  execution_platforms = oras//prelude_ext:local_with_workers\n";
const load = `load("@oras//rules:defs.bzl", "oras_artifact")\n`;
const toolchain = `load("@oras//rules:defs.bzl", "oras_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
`;

type TestContext = Skippable & { readonly onTestFinished: (end: () => Promise<void>) => void };

function projectOf(context: TestContext, config: string): Consumer {
  const project = layOutProject(requireBuck2(context), { config, files: { "toolchains/BUCK": toolchain } });
  context.onTestFinished(() => project.stop());
  return project;
}

interface Tools {
  readonly registry: Awaited<ReturnType<typeof inProcessRegistry>>;
  /** Build file of all tools. */
  readonly targets: string;
}

/** Twelve tools behind tokens; the last is not there if `isOneMissing`. */
async function toolsBehindTokens(isOneMissing = false, bytesPerSecond = 1e9): Promise<Tools> {
  const registry = await inProcessRegistry(ownTokens({ path: "/token" }), slowBody(bytesPerSecond));
  const targets = Array.from({ length: 12 }, (_, index) => {
    const bytes = Buffer.from(`tool ${index} of ${registry.host}`);
    const digest = digestWith("sha256", bytes);
    if (!isOneMissing || index < 11) registry.storage.open("tools").blobs.set(digest, bytes);
    return toolTarget(`${registry.host}/tools`, digest, bytes.length).target(`tool${index}`);
  });
  return { registry, targets: load + targets.join("") };
}

/** Processes of the executable that serve a build in this project. */
function workersIn(project: Consumer): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .filter((name) => {
      try {
        const words = readFileSync(join("/proc", name, "cmdline"), "utf8").split("\0");
        return words.includes("worker") && readlinkSync(join("/proc", name, "cwd")) === project.dir;
      } catch {
        return false;
      }
    })
    .map(Number);
}

test("worker: the pulls of a build share one token, and one process that ends with the build", async (context) => {
  const project = projectOf(context, withWorkers);
  const { registry, targets } = await toolsBehindTokens();
  project.write("BUCK", targets);
  const built = await project.build(["//..."]);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  expect(built.actions.local).toBe(12);
  expect(registry.blobReads().filter(({ status }) => status === 200)).toHaveLength(12);
  expect(registry.seen.filter(({ path }) => path.startsWith("/token"))).toHaveLength(1);
  for (let tries = 0; workersIn(project).length > 0; tries += 1) {
    expect(tries).toBeLessThan(200);
    await delay(100);
  }
});

test("worker: without workers on the platform, each pull is a process, and the actions are the same", async (context) => {
  const { registry, targets } = await toolsBehindTokens();
  const digests = async (project: Consumer): Promise<readonly string[]> => {
    project.write("BUCK", targets);
    expect((await project.build(["//..."])).stderr).toContain("BUILD SUCCEEDED");
    const { stdout } = await project.buck2(["log", "show"]);
    return [
      ...new Set([...stdout.matchAll(/"action_digest":"([0-9a-f]+:[0-9]+)"/g)].map(([, digest = ""]) => digest)),
    ].toSorted();
  };
  const alone = await digests(projectOf(context, ""));
  const tokensAlone = registry.seen.filter(({ path }) => path.startsWith("/token")).length;
  expect(tokensAlone).toBe(12);
  expect(alone).toHaveLength(12);
  expect(await digests(projectOf(context, withWorkers))).toEqual(alone);
  expect(registry.seen.filter(({ path }) => path.startsWith("/token"))).toHaveLength(tokensAlone + 1);
});

test("worker: a failed pull is told as without one, and the others are kept", async (context) => {
  const project = projectOf(context, withWorkers);
  const { targets } = await toolsBehindTokens(true);
  project.write("BUCK", targets);
  const built = await project.build(["//..."], { args: ["--keep-going"] });
  expect(built.exitCode).not.toBe(0);
  expect(built.subErrors).toEqual([
    {
      category: "ARTIFACT_NOT_FOUND",
      message: expect.stringMatching(/^not found: /),
      remediation: expect.stringContaining("check the digest"),
    },
  ]);
  expect(built.stderr).toContain("error[ARTIFACT_NOT_FOUND]: not found: ");
  expect(built.outputs("root//:tool0")).toHaveLength(1);
});

test("worker: two checkouts build at the same time from one store", async (context) => {
  const [first, second] = [projectOf(context, withWorkers), projectOf(context, withWorkers)];
  const { registry, targets } = await toolsBehindTokens(false, 200);
  for (const project of [first, second]) project.write("BUCK", targets);
  const env = { BUCK2_ORAS_CACHE_DIR: first.cacheDir };
  const both = await Promise.all([first, second].map((project) => project.build(["//..."], { env })));
  for (const built of both) expect(built.stderr).toContain("BUILD SUCCEEDED");
  expect(registry.blobReads().filter(({ status }) => status === 200)).toHaveLength(12);
});

test("worker: its crash in mid-build fails that build, and the next one builds", async (context) => {
  const project = projectOf(context, withWorkers);
  const { registry, targets } = await toolsBehindTokens(false, 10);
  project.write("BUCK", targets);
  const building = project.build(["//..."]);
  while (registry.blobReads().filter(({ status }) => status === 200).length === 0) await delay(20);
  for (const worker of workersIn(project)) process.kill(worker, "SIGKILL");
  const broken = await building;
  expect(broken.exitCode).not.toBe(0);
  expect(broken.stderr).toMatch(/[Ww]orker/);
  const next = await project.build(["//..."]);
  expect(next.stderr).toContain("BUILD SUCCEEDED");
});

test("worker: after Ctrl-C the next build takes what is under way", async (context) => {
  const project = projectOf(context, withWorkers);
  const registry = await inProcessRegistry(slowBody(10));
  const bytes = Buffer.from(`a tool of ${registry.host}, which comes slowly`);
  const digest = digestWith("sha256", bytes);
  registry.storage.open("tools").blobs.set(digest, bytes);
  project.write("BUCK", load + toolTarget(`${registry.host}/tools`, digest, bytes.length).target("tool"));
  let interrupt = (): void => {};
  const onStart: RunOptions["onStart"] = (child) => {
    interrupt = () => void child.kill("SIGINT");
  };
  const building = project.buck2(["build", "//..."], { onStart });
  while (registry.blobReads().length === 0) await delay(20);
  interrupt();
  expect((await building).exitCode).not.toBe(0);
  expect((await project.build(["//..."])).stderr).toContain("BUILD SUCCEEDED");
  expect(registry.blobReads()).toHaveLength(1);
});
