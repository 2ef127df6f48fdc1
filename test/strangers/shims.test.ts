/** The author of a checkout: a lock with names, and a folder in the checkout, that would put programs on the user's PATH. */
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { echoingTool, type LockedProject, lockedProject } from "../support/locked-project.ts";
import { run } from "../support/run.ts";
import { requireRoot } from "../support/shared-cache.ts";
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
    expect((await project.oras(command)).stderr).toContain("would hide a program of your PATH: sh (");
  }
  expect(readdirSync(join(project.dir, "bin")).sort()).toEqual([".gitignore", "tool"]);
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

const stranger = 23_456;

function giveAll(folder: string, owner: number): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }))
    lchownSync(join(folder, name), owner, owner);
  lchownSync(folder, owner, owner);
}

test("shim: a lock that another user put in the place of a removed project's runs nothing", async (context) => {
  requireRoot(context);
  const [project, other] = [lockedProject(), lockedProject()];
  await project.add("tool", echoingTool);
  await other.add("tool", "#!/bin/sh\necho attacked\n");
  const bin = join(project.home, "bin");
  await succeeding(project.oras(["shim", bin]));
  const call = () => run(join(bin, "tool"), [], { cwd: "/", env: project.env });
  rmSync(project.dir, { recursive: true });
  expect(await call()).toMatchObject({ exitCode: 78, stdout: "" });
  renameSync(other.dir, project.dir);
  giveAll(project.dir, stranger);
  const refused = async (path: string): Promise<void> => {
    const ran = await call();
    expect(ran, path).toMatchObject({ exitCode: 78, stdout: "" });
    expect(ran.stderr).toContain(`${path} belongs to the user ${stranger}`);
    expect(ran.stderr).toContain("hint: remove the shim");
  };
  await refused(project.dir);
  // The user's own files, in the stranger's folder or behind the stranger's link.
  chownSync(project.lock, 0, 0);
  await refused(project.dir);
  const moved = join(project.home, "moved");
  giveAll(project.dir, 0);
  renameSync(project.dir, moved);
  symlinkSync(moved, project.dir);
  lchownSync(project.dir, stranger, stranger);
  await refused(project.dir);
  // A lock that the user names is the user's word.
  expect((await project.oras(["run", "--lock", project.lock, "tool"], { cwd: "/" })).stdout).toBe("attacked\n");
});

test("shim, env: root's shims of somebody else's checkout run its lock, as containers need", async (context) => {
  requireRoot(context);
  const project = lockedProject();
  await project.add("tool", echoingTool);
  giveAll(project.dir, stranger);
  const { folder } = JSON.parse((await succeeding(project.oras(["env", "--json"]))).stdout);
  await succeeding(project.oras(["shim", "bin"]));
  for (const shim of [join(folder, "tool"), join(project.dir, "bin/tool")]) {
    expect(await run(shim, [], { cwd: "/", env: project.env, input: "" })).toMatchObject({ exitCode: 7, stderr: "" });
  }
  expect((await project.oras(["which", "--lock-owners", "root", "tool"])).exitCode).toBe(64);
});

test("shim, lock export: a link of the project leads no program out of it, wherever the command is called", async () => {
  const project = lockedProject();
  await project.add("tool", echoingTool);
  const [target, elsewhere] = [join(project.home, "own-bin"), join(project.home, "elsewhere")];
  for (const folder of [target, elsewhere]) mkdirSync(folder);
  symlinkSync(target, join(project.dir, "bin"));
  const lock = ["--lock", project.lock];
  for (const cwd of [project.dir, elsewhere]) {
    const ran = await project.oras(["shim", join(project.dir, "bin"), ...lock], { cwd });
    expect(ran).toMatchObject({ exitCode: 74 });
    expect(ran.stderr).toContain("leads out of the project");
  }
  // The lock of an empty project: no tool has to be published.
  writeFileSync(project.lock, JSON.stringify({ ...JSON.parse(readFileSync(project.lock, "utf8")), tools: {} }));
  for (const cwd of [project.dir, elsewhere]) {
    const exported = ["lock", "export", "--format", "dotslash", "-o", join(project.dir, "bin"), ...lock];
    const ran = await project.oras(exported, { cwd });
    expect(ran).toMatchObject({ exitCode: 74 });
    expect(ran.stderr).toContain("leads out of the project");
  }
  expect(readdirSync(target)).toEqual([]);
});

test("shim, env: a lock takes no command from another lock's shim; a shim that hides a new program says so", async () => {
  const [first, second] = [lockedProject(), lockedProject()];
  await first.add("own-tool", echoingTool);
  await second.add("own-tool", echoingTool);
  const [bin, other] = [join(first.home, "bin"), join(first.home, "other")];
  await succeeding(first.oras(["shim", bin]));
  const env = { PATH: `${bin}:${process.env.PATH}` };
  for (const command of [["env"], ["shim", other]]) {
    const ran = await second.oras(command, { env });
    expect(ran).toMatchObject({ exitCode: 0 });
    expect(ran.stderr).toContain(`would hide a program of your PATH: own-tool (${join(bin, "own-tool")})`);
  }
  expect(readdirSync(other)).toEqual([".gitignore"]);
  // The same lock's shim elsewhere is the same program.
  expect((await succeeding(first.oras(["env"], { env }))).stderr).toBe("");
  writeFileSync(join(first.home, "own-tool"), "#!/bin/sh\n", { mode: 0o755 });
  const since = { PATH: `${first.home}:${env.PATH}` };
  const again = await succeeding(first.oras(["env"], { env: since }));
  expect(again.stderr).toContain(`warning: shims hide programs of your PATH: ${join(first.home, "own-tool")}`);
  expect((await succeeding(first.oras(["env", "--shadow"], { env: since }))).stderr).toBe("");
});

test("shim, env, run: the configuration of the folder of the call decides nothing about another project's lock", async () => {
  const project = lockedProject();
  await project.add("tool", echoingTool);
  await succeeding(project.oras(["shim", "bin"]));
  const checkout = join(project.home, "checkout");
  mkdirSync(checkout);
  writeFileSync(join(checkout, ".buckconfig"), "");
  writeFileSync(join(checkout, "buck2-oras.json"), '{"concurrency": "lots"');
  const shim = join(project.dir, "bin/tool");
  const call = () => run(shim, [], { cwd: checkout, env: project.env, input: "" });
  expect(await call()).toMatchObject({ exitCode: 7, stderr: "" });
  const named = ["run", "--lock", project.lock, "tool"];
  expect(await project.oras(named, { cwd: checkout, input: "" })).toMatchObject({ exitCode: 7, stderr: "" });
  for (const command of [["env"], ["shim", join(project.home, "other-bin")], ["lock", "list"]]) {
    await succeeding(project.oras([...command, "--lock", project.lock], { cwd: checkout }));
  }
  // The lock's own project decides.
  writeFileSync(join(project.dir, "buck2-oras.json"), '{"concurrency": "lots"');
  expect(await call()).toMatchObject({ exitCode: 78 });
});
