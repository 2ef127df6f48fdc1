import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkShell, defaultShell, shellLines } from "../../src/tools/shell-lines.ts";
import { parseShim, shimText } from "../../src/tools/shim-text.ts";
import { orasWords } from "../support/executable.ts";
import { echoingTool, lockedProject } from "../support/locked-project.ts";
import { requireProgram } from "../support/peers.ts";
import { run } from "../support/run.ts";
import { succeeding } from "../support/succeeding.ts";

const awkward = "a 'b\" $(c) `d` \\e";

test("shim: a script runs the tool from any folder, with quotes and blanks in every path", async () => {
  const project = lockedProject(awkward);
  await project.add("echoing", echoingTool);
  await succeeding(project.oras(["shim", "bin"]));
  const shim = join(project.dir, "bin", "echoing");
  const ran = await run(shim, ["x y", "--help"], { cwd: "/", env: project.env, input: "in\n" });
  expect(ran).toMatchObject({ exitCode: 7, stdout: "args:2:x y --help\nin\n", stderr: "" });
});

test("shim: a tool that left the lock goes, another lock's shims and other files stay", async () => {
  const [project, other] = [lockedProject(), lockedProject()];
  for (const tool of ["one", "two"]) await project.add(tool, echoingTool);
  await other.add("three", echoingTool);
  const bin = join(project.home, "bin");
  await succeeding(project.oras(["shim", bin]));
  await succeeding(other.oras(["shim", bin]));
  writeFileSync(join(bin, "mine"), "#!/bin/sh\n");
  project.remove("two");
  const again = JSON.parse((await succeeding(project.oras(["shim", bin, "--json"]))).stdout);
  expect(again).toMatchObject({ written: [], unchanged: ["one"], removed: ["two"] });
  expect(readdirSync(bin).sort()).toEqual([".gitignore", "mine", "one", "three"]);
});

test("shim: a file, a link or another lock's shim in the place of a shim stops all", async () => {
  const [project, other] = [lockedProject(), lockedProject()];
  for (const tool of ["aa-tool", "zz-tool"]) await project.add(tool, echoingTool);
  await other.add("zz-tool", echoingTool);
  const place = (make: (path: string) => unknown): string => {
    const bin = join(project.home, `bin${Math.random()}`);
    mkdirSync(bin);
    make(join(bin, "zz-tool"));
    return bin;
  };
  const target = join(project.home, "target");
  const bins = [
    place((path) => writeFileSync(path, "#!/bin/sh\necho mine\n")),
    place((path) => symlinkSync(target, path)),
    place((path) => mkdirSync(path)),
    place(() => {}),
  ];
  await succeeding(other.oras(["shim", bins[3] ?? ""]));
  for (const bin of bins) {
    const ran = await project.oras(["shim", bin]);
    expect(ran).toMatchObject({ exitCode: 74 });
    expect(ran.stderr).toContain("nothing was written");
    expect(existsSync(join(bin, "aa-tool"))).toBe(false);
  }
  expect(existsSync(target)).toBe(false);
});

test("shim, env: a program of the PATH is hidden on demand alone; the other tools get their shims", async () => {
  const project = lockedProject();
  for (const tool of ["ls", "echoing"]) await project.add(tool, echoingTool);
  for (const command of [["shim", "bin"], ["env"]]) {
    const ran = await succeeding(project.oras([...command, "--json"]));
    expect(JSON.parse(ran.stdout)).toMatchObject({ written: ["echoing"], leftOut: ["ls"] });
    expect(ran.stderr).toMatch(/^warning: left out, .*: ls \(\/\S+\/ls\); to let it, name the tool or add --shadow\n$/);
  }
  expect(readdirSync(join(project.dir, "bin")).sort()).toEqual([".gitignore", "echoing"]);
  await succeeding(project.oras(["shim", "bin", "ls"]));
  // The user has decided: the next call needs no word.
  expect((await succeeding(project.oras(["shim", "bin"]))).stderr).toContain("2 shims");
  await succeeding(project.oras(["shim", "elsewhere", "--shadow"]));
});

test("shim: a moved executable is an error with a hint", async () => {
  const text = shimText(
    { tool: "tool", lock: "/lock" },
    { launcher: ["/nowhere/node", "/nowhere/cli"], lockOwners: [0] },
    "linux",
  );
  const path = join(lockedProject().home, "tool");
  writeFileSync(path, text, { mode: 0o755 });
  const ran = await run(path, []);
  expect(ran).toMatchObject({ exitCode: 69, stdout: "" });
  expect(ran.stderr).toContain("/nowhere/node is gone\n  hint: run `buck2-oras shim`");
});

test("shim: the marker is read back from both forms, and from nothing else", () => {
  const shim = { tool: "tool", lock: `/a${awkward}\n100%` };
  for (const os of ["linux", "win32"])
    expect(parseShim(shimText(shim, { launcher: ["/node"], lockOwners: [1000] }, os))).toEqual(shim);
  expect(parseShim(`#!/bin/sh\necho\n# buck2-oras shim {"tool":"a","lock":"b"}\n`)).toBeUndefined();
});

test.for(["bash", "zsh", "fish", "sh"] as const)(
  "env: %s finds the tools, once on the PATH",
  async (shell, context) => {
    const project = lockedProject(awkward);
    await project.add("echoing", echoingTool);
    const program = requireProgram(context, shell);
    const { stdout } = await succeeding(project.oras(["env", "--shell", shell]));
    const split = shell === "fish" ? "string join \\n $PATH" : "echo \"$PATH\" | tr ':' '\\n'";
    const script = `${stdout}${stdout}echoing 'a b' </dev/null; ${split} | grep -c ${project.toolsDir}\n`;
    const ran = await run(program, ["-c", script], { env: project.env, cwd: "/" });
    expect(ran).toMatchObject({ stdout: "args:1:a b\n1\n", stderr: "" });
  },
);

test.for(["bash", "fish"] as const)(
  "env: called by %s, the form is its own, whatever the login shell is",
  async (shell, context) => {
    const project = lockedProject(awkward);
    await project.add("echoing", echoingTool);
    const program = requireProgram(context, shell);
    const call = `${orasWords()} env`;
    const script = shell === "bash" ? `eval "$(${call})"; echoing 'a b'` : `${call} | source; echoing 'a b'`;
    const env = { ...project.env, SHELL: shell === "bash" ? "/usr/bin/fish" : "/bin/bash" };
    const ran = await run(program, ["-c", script], { env, cwd: project.dir, input: "" });
    expect(ran).toMatchObject({ stdout: "args:1:a b\n", stderr: "" });
  },
);

test("env: the login shell decides the form where no shell calls; a workflow gets the folder alone", async () => {
  const project = lockedProject();
  await project.add("echoing", echoingTool);
  const shellOf = async (env: Record<string, string>) =>
    JSON.parse((await succeeding(project.oras(["env", "--json"], { env }))).stdout).shell;
  expect(await shellOf({ SHELL: "/usr/local/bin/fish" })).toBe("fish");
  expect(await shellOf({ SHELL: "/bin/tcsh" })).toBe("sh");
  expect(await shellOf({})).toBe("sh");
  const { stdout } = await succeeding(project.oras(["env", "--shell", "github"]));
  expect(statSync(stdout.trim()).isDirectory()).toBe(true);
  expect(readFileSync(join(stdout.trim(), "echoing"), "utf8")).toContain(" which --lock ");
});

test("env: Windows has PowerShell's form, and refuses shells that find no batch files", () => {
  const windows = { os: "win32" };
  expect(defaultShell("bash", windows)).toBe("powershell");
  for (const shell of ["bash", "fish", "direnv"] as const) expect(() => checkShell(shell, windows)).toThrow();
  for (const shell of ["powershell", "github"] as const) checkShell(shell, windows);
  expect(shellLines("github", "C:\\tools", "/l")).toEqual(["C:\\tools"]);
});

test("env: lines quote every character, and refuse those that no PATH can hold", () => {
  expect(shellLines("fish", "/a'\\b", "/l")).toEqual([
    "contains -- '/a\\'\\\\b' $PATH; or set -gx PATH '/a\\'\\\\b' $PATH",
  ]);
  expect(shellLines("powershell", "C:\\a’b", "/l")[0]).toContain("'C:\\a’’b'");
  expect(shellLines("direnv", "/a'b", "/l'")).toEqual(["watch_file '/l'\\'''", "PATH_add '/a'\\''b'"]);
  for (const folder of ["/a:b", "/a\nb", "/a\u202eb"]) expect(() => shellLines("bash", folder, "/l")).toThrow();
});
