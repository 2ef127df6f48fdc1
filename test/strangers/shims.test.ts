/** The author of a checkout: a lock with names, and a folder in the checkout, that would put programs on the user's PATH. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { echoingTool, type LockedProject, lockedProject } from "../support/locked-project.ts";
import { succeeding } from "../support/succeeding.ts";

/** Renames the only tool of the lock. */
function rename(project: LockedProject, ...names: readonly string[]): void {
  const json = JSON.parse(readFileSync(project.lock, "utf8"));
  const [tool] = Object.values(json.tools);
  json.tools = Object.fromEntries(names.map((name) => [name, tool]));
  writeFileSync(project.lock, JSON.stringify(json));
}

test.each(["../x", "/x", "a/b", "-x", ".bashrc", "a\nb", "CON", "nul.txt", "x."])(
  "shim: the name %j of a lock writes nothing",
  async (name) => {
    const project = lockedProject();
    await project.add("tool", echoingTool);
    rename(project, name);
    const ran = await project.oras(["shim", "bin"]);
    expect([64, 78], ran.stderr).toContain(ran.exitCode);
    expect(existsSync(join(project.dir, "bin"))).toBe(false);
    expect(existsSync(join(project.dir, "x"))).toBe(false);
  },
);

test("shim: two names that are one file on some systems are refused", async () => {
  const project = lockedProject();
  await project.add("tool", echoingTool);
  rename(project, "tool", "Tool");
  expect((await project.oras(["shim", "bin"])).stderr).toContain("one file on some systems");
});

test("shim, env: a lock takes no command that the user has, without the user's word", async () => {
  const project = lockedProject();
  await project.add("tool", echoingTool);
  rename(project, "tool", "sh", "ls");
  for (const command of [["shim", "bin"], ["env"]]) {
    expect((await project.oras(command)).stderr).toContain("would hide programs of your PATH");
  }
  expect(existsSync(join(project.dir, "bin"))).toBe(false);
});

test("shim: a link of the checkout leads no shim out of the project, nor into `.git`", async () => {
  const project = lockedProject();
  await project.add("tool", echoingTool);
  const bin = join(project.home, "bin");
  mkdirSync(bin);
  mkdirSync(join(project.dir, ".git/hooks"), { recursive: true });
  for (const target of [bin, ".git/hooks"]) {
    const link = join(project.dir, `to-${target.length}`);
    symlinkSync(target, link);
    expect(await project.oras(["shim", link])).toMatchObject({ exitCode: 74 });
  }
  expect([...readdirSync(bin), ...readdirSync(join(project.dir, ".git/hooks"))]).toEqual([]);
});

test("shim: a file of the checkout that says it is a shim is replaced as a file, and leads nowhere", async () => {
  const project = lockedProject();
  await project.add("tool", echoingTool);
  const forged = `#!/bin/sh\n# buck2-oras shim ${JSON.stringify({ tool: "gone", lock: project.lock })}\necho forged\n`;
  mkdirSync(join(project.dir, "bin"));
  const victim = join(project.home, "victim");
  writeFileSync(victim, forged);
  symlinkSync(victim, join(project.dir, "bin/gone"));
  writeFileSync(join(project.dir, "bin/tool"), forged);
  await succeeding(project.oras(["shim", "bin"]));
  expect(readFileSync(victim, "utf8")).toBe(forged);
  expect(readFileSync(join(project.dir, "bin/tool"), "utf8")).not.toContain("forged");
});

test("run: a folder for tools that others can write into is refused", async () => {
  const project = lockedProject();
  await project.add("tool", echoingTool);
  mkdirSync(join(project.home, "open"));
  chmodSync(join(project.home, "open"), 0o777);
  const ran = await project.oras(["run", "tool"], { env: { BUCK2_ORAS_TOOLS_DIR: join(project.home, "open/tools") } });
  expect(ran).toMatchObject({ exitCode: 78 });
  expect(ran.stderr).toContain("not yours alone");
  const relative = await project.oras(["run", "tool"], { env: { BUCK2_ORAS_TOOLS_DIR: "tools" } });
  expect(relative).toMatchObject({ exitCode: 78 });
});
