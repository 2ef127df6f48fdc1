/** From an empty folder to a built tool, by `init` alone. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Buck2Project, buck2Project, requireBuck2 } from "../support/buck2.ts";
import { commitWorkingTree } from "../support/consumer.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { succeeding } from "../support/succeeding.ts";

test("init: an empty folder, and one of `buck2 init`, become projects that build a locked tool", async (context) => {
  const buck2 = requireBuck2(context);
  const registry = await startDockerRegistry(requireProgram(context, "docker-registry"));
  context.onTestFinished(() => registry.stop());
  const folder = temporaryFolder();
  const commit = commitWorkingTree(join(folder, "rules"));
  const from = ["--origin", `file://${join(folder, "rules")}`, "--commit", commit];
  for (const kind of ["empty", "of-buck2-init"]) {
    const dir = join(folder, kind, "project");
    mkdirSync(join(dir, "sub"), { recursive: true });
    const project = buck2Project(buck2, dir);
    try {
      if (kind !== "empty") await succeeding(project.buck2(["init"]));
      await adopt(project, { from, registry: registry.host, cwd: kind === "empty" ? dir : join(dir, "sub") });
    } finally {
      await project.stop();
    }
  }
});

interface Adoption {
  /** Options of `init`. */
  readonly from: readonly string[];
  readonly registry: string;
  /** Folder of the project in which `init` runs. */
  readonly cwd: string;
}

async function adopt(project: Buck2Project, { from, registry, cwd }: Adoption): Promise<void> {
  const { dir } = project;
  expect(await oras(["init", ...from], { cwd, input: "" })).toMatchObject({ exitCode: 64 });
  await succeeding(oras(["init", ...from, "--yes"], { cwd }));
  expect((await project.buck2(["run", "//tools:oras", "--", "list"])).stderr).toContain("No tool is locked");
  expect((await project.buck2(["run", "oras", "--", "platform"])).stdout).toMatch(/^\w+-\w+\n$/);
  writeFileSync(join(dir, "hello"), "#!/bin/sh\necho hello\n", { mode: 0o755 });
  const reference = `${registry}/tools/hello:1.0`;
  await succeeding(oras(["push", reference, "hello"], { cwd: dir }));
  await succeeding(project.buck2(["run", "//tools:oras", "--", "lock", "add", "hello", reference]));
  const again = await succeeding(oras(["init", "--yes", "--json"], { cwd }));
  expect(JSON.parse(again.stdout)).toMatchObject({ written: true, files: [{ path: "tools/BUCK", created: false }] });
  expect((await succeeding(project.buck2(["run", "//tools:hello"]))).stdout).toBe("hello\n");
  expect(await oras(["init"], { cwd })).toMatchObject({ exitCode: 0, stdout: "" });
  await survivesBrokenLocks(project);
  // A shim of an executable in `buck-out` outlives `buck2 clean`.
  const env = { BUCK2_ORAS_TOOLS_DIR: join(dir, "../installed") };
  await succeeding(project.buck2(["run", "//tools:oras", "--", "shim", join(dir, "bin")], { env }));
  expect(readFileSync(join(dir, "bin/hello"), "utf8")).not.toContain("buck-out");
}

/** A lock out of step with `tools/BUCK`, and one in the middle of a merge: the executable that mends it runs. */
async function survivesBrokenLocks({ dir, buck2 }: Buck2Project): Promise<void> {
  const lock = join(dir, "oras.lock.json");
  const text = readFileSync(lock, "utf8");
  await succeeding(buck2(["run", "//tools:oras", "--", "lock", "remove", "hello"]));
  expect((await succeeding(buck2(["run", "//tools:oras", "--", "list"]))).stderr).toContain("No tool is locked");
  expect((await buck2(["build", "//tools:hello"])).stderr).toContain("run `buck2-oras lock add hello REFERENCE`");
  writeFileSync(lock, `<<<<<<< HEAD\n${text}=======\n${text}>>>>>>> main\n`);
  expect((await buck2(["run", "//tools:oras", "--", "list"])).stderr).toContain("Parsing root//oras.lock.json");
  expect((await buck2(["run", "oras", "--", "lock", "check"])).stderr).toContain(
    "error[LOCK_CONFLICT]: oras.lock.json",
  );
  writeFileSync(lock, text);
}
