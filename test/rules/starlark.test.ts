/** The Starlark files under buildifier and Buck2's own checks; once shown that those do find something. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buck2Project, requireBuck2 } from "../support/buck2.ts";
import { repository } from "../support/consumer.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { run } from "../support/run.ts";

const script = (name: string): string => join(repository, "scripts", name);

test("starlark: buildifier has nothing to say", async (context) => {
  const buildifier = requireProgram(context, "buildifier");
  const ran = await run(
    buildifier,
    ["-mode=check", "-lint=warn", "-r", "rules", "prelude_ext", "tools", "toolchains", "examples"],
    {
      cwd: repository,
    },
  );
  expect(ran).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
});

test("starlark: buck2 lint and typecheck are clean", async (context) => {
  const env = { HOME: temporaryFolder(), BUCK2: requireBuck2(context) };
  const ran = await run(process.execPath, [script("check-starlark.mjs")], { env });
  expect(ran.stderr).toBe("");
  expect(ran.stdout).toContain("buck2 starlark lint and typecheck have nothing to say");
});

test("starlark: docs/rules.md is what the rules say of themselves", async (context) => {
  const env = { HOME: temporaryFolder(), BUCK2: requireBuck2(context) };
  const ran = await run(process.execPath, [script("docs-rules.mjs"), "--check"], { env });
  expect(ran.stderr).toBe("");
  expect(ran.stdout).toBe("docs/rules.md is up to date\n");
});

test("starlark: a wrong type and an unused load do not pass lint and typecheck", async (context) => {
  const dir = join(temporaryFolder(), "project");
  mkdirSync(dir);
  for (const file of [".buckconfig", ".buckroot"]) copyFileSync(join(repository, file), join(dir, file));
  const errors = readFileSync(join(repository, "rules", "errors.bzl"), "utf8");
  writeFileSync(join(dir, "typed.bzl"), errors.replace(".removeprefix(prefix).strip()", ".removeprefix(7).strip()"));
  writeFileSync(join(dir, "linted.bzl"), "def f():\n    return 1\n    fail()\n");
  const project = buck2Project(requireBuck2(context), dir);
  context.onTestFinished(() => project.stop());
  const typed = await project.buck2(["starlark", "typecheck", "typed.bzl"]);
  expect(typed.exitCode).not.toBe(0);
  expect(`${typed.stdout}${typed.stderr}`).toMatch(/Expected type `str` but got `int`/);
  const linted = await project.buck2(["starlark", "lint", "linted.bzl"]);
  expect(linted.exitCode).not.toBe(0);
});
