/** What `init` says: the lines without a terminal, and the command that fits next. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { orasCommand } from "../support/executable.ts";
import { layoutProject } from "../support/layout-project.ts";

const cell = ["--origin", "https://git.example/buck2-oras.git", "--commit", "0".repeat(40)];

test("init: without a terminal the lines are shown and nothing is written; the next command fits what is there", async () => {
  const project = await layoutProject();
  const config = join(project.dir, ".buckconfig");
  const refused = await project.oras(["init", ...cell]);
  expect(refused.exitCode).toBe(64);
  expect(refused.stderr).toContain("+  git_origin = https://git.example/buck2-oras.git\n");
  expect(refused.stderr).toMatch(/hint: add --yes to write these lines$/m);
  expect(existsSync(config)).toBe(false);
  const planned = await project.oras(["init", ...cell, "--dry-run"]);
  expect(planned.stderr).toMatch(/^next: the same command with --yes in place of --dry-run$/m);

  const written = await project.oras(["init", ...cell, "--yes"]);
  expect(written.exitCode, written.stderr).toBe(0);
  // The toolchain of a standalone executable waits for the lock, so the command stays the same.
  const command = orasCommand().length === 1 ? "buck2-oras" : "buck2 run oras --";
  expect(written.stderr.trimEnd().split("\n").at(-1)).toBe(
    `next: \`${command} lock add NAME REFERENCE\`, then \`${command} init\` for the tool's target`,
  );

  await project.oras(["lock", "add", "tool", "oci:layout:1.0"]);
  expect((await project.oras(["init", "--yes"])).stderr).toMatch(/^next: write the lines that are left to you$/m);
  const lock = join(project.dir, "oras.lock.json");
  writeFileSync(lock, readFileSync(lock, "utf8").replaceAll("oci:layout", "localhost:1/tool"));
  for (const _ of ["the target is new", "all is there"]) {
    expect((await project.oras(["init", "--yes"])).stderr).toMatch(/^next: `buck2 build \/\/tools:tool`$/m);
  }
});
