import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { sha256 } from "../support/layout-project.ts";
import { echoingTool, lockedProject } from "../support/locked-project.ts";
import { succeeding } from "../support/succeeding.ts";

test("run: arguments after `--`, input and exit code are the tool's, from a folder below the project", async () => {
  const project = lockedProject();
  await project.add("echoing", echoingTool);
  mkdirSync(join(project.dir, "sub"));
  const args = ["run", "echoing", "--", "--version", "-v", "--json", "a b"];
  const ran = await project.oras(args, { cwd: join(project.dir, "sub"), input: "in\n" });
  expect(ran).toMatchObject({ exitCode: 7, stdout: "args:4:--version -v --json a b\nin\n", stderr: "" });
});

test("run: every word after the tool's name is the tool's, and options before it are ours", async () => {
  const project = lockedProject();
  await project.add("echoing", echoingTool);
  const said = async (...args: readonly string[]) => (await project.oras(args, { input: "" })).stdout;
  expect(await said("run", "echoing", "--version", "--help", "-v")).toBe("args:3:--version --help -v\n");
  expect(await said("run", "echoing", "a", "--", "b")).toBe("args:3:a -- b\n");
  expect(await said("--timeout", "9", "run", "--lock", "oras.lock.json", "echoing", "--lock", "x")).toBe(
    "args:2:--lock x\n",
  );
  expect(await said("run", "--", "echoing", "--json")).toBe("args:1:--json\n");
  expect(await said("run", "--help")).toContain("Usage: buck2-oras run");
  expect(await said("run", "echoing")).toBe("args:0:\n");
});

test("run: a signal reaches the tool, and the end by a signal is the command's end", async () => {
  const project = lockedProject();
  await project.add("waiting", "#!/bin/sh\ntrap 'echo asked; exit 5' TERM\necho ready\nwhile :; do sleep 0.05; done\n");
  await project.add("dying", "#!/bin/sh\nkill -KILL $$\n");
  const ran = await project.oras(["run", "waiting"], {
    onStart: (child) => child.stdout?.on("data", (text) => `${text}`.includes("ready") && child.kill("SIGTERM")),
  });
  expect(ran).toMatchObject({ exitCode: 5, stdout: "ready\nasked\n" });
  expect(await project.oras(["run", "dying"])).toMatchObject({ exitCode: null, signal: "SIGKILL" });
});

test("run: a closed pipe ends the tool, although Node ignores SIGPIPE", async () => {
  const project = lockedProject();
  await project.add("endless", "#!/bin/sh\nwhile echo line; do :; done; exit 3\n");
  const ran = await project.oras(["run", "endless"], { onStart: (child) => child.stdout?.destroy() });
  expect(ran).toMatchObject({ exitCode: 128 + constants.signals.SIGPIPE });
});

test("run: the tool's time is not the command's, and the second use needs no layout", async () => {
  const project = lockedProject();
  await project.add("slow", "#!/bin/sh\nsleep 1.5; echo done\n");
  await succeeding(project.oras(["which", "slow"]));
  rmSync(join(project.dir, "layout"), { recursive: true });
  expect(await project.oras(["run", "--timeout", "1", "slow"])).toMatchObject({ exitCode: 0, stdout: "done\n" });
});

test("which: the path of a program with the tool's name, and its digest", async () => {
  const project = lockedProject();
  await project.add("echoing", echoingTool);
  const found = JSON.parse((await succeeding(project.oras(["which", "echoing", "--json"]))).stdout);
  expect(found).toMatchObject({ tool: "echoing", digest: sha256(echoingTool) });
  expect(found.path.startsWith(project.toolsDir)).toBe(true);
  expect(found.path.endsWith("/echoing")).toBe(true);
  expect(readFileSync(found.path, "utf8")).toBe(echoingTool);
});

test("run: an archive's program finds the files beside it; a compressed file is one program", async () => {
  const project = lockedProject();
  mkdirSync(join(project.dir, "kit/bin"), { recursive: true });
  writeFileSync(join(project.dir, "kit/bin/kit"), '#!/bin/sh\ncat "$(dirname "$0")/../data"\n', { mode: 0o755 });
  writeFileSync(join(project.dir, "kit/data"), "data of the kit\n");
  writeFileSync(join(project.dir, "zipped.gz"), gzipSync("#!/bin/sh\necho unzipped\n"));
  await succeeding(project.oras(["push", "oci:layout:kit", "kit"]));
  await succeeding(project.oras(["push", "oci:layout:zipped", "zipped.gz"]));
  for (const tool of ["kit", "zipped"]) await succeeding(project.oras(["lock", "add", tool, `oci:layout:${tool}`]));
  expect(await project.oras(["run", "kit"])).toMatchObject({ exitCode: 0, stdout: "data of the kit\n" });
  expect(await project.oras(["run", "zipped"])).toMatchObject({ exitCode: 0, stdout: "unzipped\n" });
});

test("run: two locks that choose another program of one archive do not install over each other", async () => {
  const project = lockedProject();
  mkdirSync(join(project.dir, "kit"));
  for (const name of ["one", "two"])
    writeFileSync(join(project.dir, "kit", name), `#!/bin/sh\necho ${name}\n`, { mode: 0o755 });
  await succeeding(project.oras(["push", "oci:layout:kit", "kit"]));
  const use = async (program: string) => {
    const lock = ["--lock", join(project.dir, `${program}.json`)];
    if (!existsSync(lock[1] ?? ""))
      await succeeding(
        project.oras(["lock", "add", "kit", "oci:layout:kit", "--executable", `kit/${program}`, ...lock]),
      );
    return await succeeding(project.oras(["run", ...lock, "kit"]));
  };
  for (const program of ["one", "two", "one", "two"]) {
    expect(await use(program), program).toMatchObject({ stdout: `${program}\n`, stderr: "" });
  }
});

test("run: a program that was changed after its installation is installed again", async () => {
  const project = lockedProject();
  await project.add("echoing", echoingTool);
  const path = (await succeeding(project.oras(["which", "echoing"]))).stdout.trim();
  chmodSync(path, 0o755);
  writeFileSync(path, "#!/bin/sh\necho other\n");
  const ran = await project.oras(["run", "echoing"], { input: "" });
  expect(ran).toMatchObject({ exitCode: 7, stdout: "args:0:\n" });
  expect(ran.stderr).toContain("was changed");
});

test("run: a tool that nobody used for a month goes when another is installed", async () => {
  const project = lockedProject();
  await project.add("old", "#!/bin/sh\necho 1\n");
  await succeeding(project.oras(["which", "old"]));
  const installed = join(project.toolsDir, "installed");
  const [name = ""] = readdirSync(installed);
  const monthAgo = Date.now() / 1000 - 31 * 24 * 3600;
  utimesSync(join(installed, name, "buck2-oras-tool.json"), monthAgo, monthAgo);
  mkdirSync(join(installed, "mine"));
  await project.add("new", "#!/bin/sh\necho 2\n");
  await succeeding(project.oras(["which", "new"]));
  expect(readdirSync(installed).map((one) => one.replace(/-[0-9a-f]{40}$/, ""))).toEqual(["mine", "new"]);
});

test("run: several processes install a tool at the same time", async () => {
  const project = lockedProject();
  await project.add("echoing", echoingTool);
  const ran = await Promise.all([1, 2, 3, 4].map(() => project.oras(["run", "echoing"], { input: "" })));
  expect(ran.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual([1, 2, 3, 4].map(() => [7, ""]));
});

test("run: a lock without the machine's platform, without a program, without the tool", async () => {
  const project = lockedProject();
  writeFileSync(join(project.dir, "text"), "no program");
  await succeeding(project.oras(["push", "oci:layout:text", "text"]));
  await succeeding(project.oras(["push", "oci:layout:mac", "--platform", "darwin-arm64=text"]));
  for (const tool of ["text", "mac"]) await succeeding(project.oras(["lock", "add", tool, `oci:layout:${tool}`]));
  expect((await project.oras(["run", "mac"])).stderr).toContain("PLATFORM_NOT_FOUND");
  expect((await project.oras(["run", "text"])).stderr).toContain("does not say which file of text is its program");
  expect((await project.oras(["run", "none"])).stderr).toContain('has no tool "none"');
});

test.each([
  ["run", ""],
  ["which", ""],
  ["env", ""],
  ["shim", "bin", ""],
  ["lock", "export", ""],
])("completion: `%s` offers the locked names", async (...words) => {
  const project = lockedProject();
  await project.add("echoing", echoingTool);
  const { stdout } = await succeeding(project.oras(["complete", "--", ...words]));
  expect(stdout).toMatch(/^echoing\t/m);
});
