/** The standalone executable of this machine, as `npm run package` makes it. */
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { bundleExecutable } from "../../scripts/bundle.mjs";
import { checkMade, isSigned } from "../../scripts/package/check.mjs";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { sha256 } from "../support/layout-project.ts";
import { echoingTool, lockedProject } from "../support/locked-project.ts";
import { type Ran, type RunOptions, run } from "../support/run.ts";
import {
  packageVersion,
  requireStandalone,
  requireStandaloneNode,
  runPackage,
  type Standalone,
} from "../support/standalone.ts";
import { succeeding } from "../support/succeeding.ts";

/** Runs it where no Node and no other program is on the PATH. */
function alone({ file }: Standalone, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return run(file, args, { ...options, env: { PATH: "/nowhere", ...options.env } });
}

test("npm run package: the executable says its version without Node, and its checksums and licences are beside it", async (context) => {
  const standalone = await requireStandalone(context);
  const { file, folder, platform } = standalone;
  const ran = await alone(standalone, ["--version"]);
  expect(ran).toMatchObject({ exitCode: 0, stdout: `buck2-oras ${packageVersion}\n`, stderr: "" });
  expect((await alone(standalone, ["platform"])).stdout).toBe(`${platform}\n`);
  const sums = readFileSync(join(folder, "SHA256SUMS"), "utf8");
  for (const name of [`${file.slice(folder.length + 1)}`, "LICENSES.txt"]) {
    expect(sums).toContain(`${sha256(readFileSync(join(folder, name))).slice(7)}  ${name}\n`);
  }
  const licenses = readFileSync(join(folder, "LICENSES.txt"), "utf8");
  for (const name of ["Node.js", "OpenSSL", "valibot"]) expect(licenses).toContain(name);
});

test("npm run package: for Windows, whose packages of Node have no licences", async (context) => {
  const { platform } = requireStandaloneNode(context, "windows-x86_64");
  requireStandaloneNode(context);
  const folder = temporaryFolder();
  await succeeding(runPackage(["--platform", platform, "--output", folder]));
  expect(readdirSync(folder).sort()).toEqual(["LICENSES.txt", "SHA256SUMS", "buck2-oras-windows-x86_64.exe"]);
  expect(readFileSync(join(folder, "LICENSES.txt"), "utf8")).toContain("OpenSSL");
});

test("npm run package --push: every file is published as it is, for Buck2's own download", async (context) => {
  const standalone = await requireStandalone(context);
  const { file, folder: cwd, platform } = standalone;
  writeFileSync(join(cwd, ".buckconfig"), "");
  await succeeding(alone(standalone, ["lock", "add", "buck2-oras", "oci:layout:1"], { cwd }));
  const { platforms } = JSON.parse(readFileSync(join(cwd, "oras.lock.json"), "utf8")).tools["buck2-oras"];
  const executable = platform.startsWith("windows-") ? "buck2-oras.exe" : "buck2-oras";
  expect(platforms[platform].layers).toMatchObject([{ digest: sha256(readFileSync(file)), format: "raw", executable }]);
  expect(Object.keys(platforms)).toEqual([platform]);
});

test("standalone: layers are compressed in threads, to the digests of the bundle", async (context) => {
  const standalone = await requireStandalone(context);
  const dir = temporaryFolder();
  const platforms = ["linux-x86_64", "darwin-arm64"];
  for (const platform of platforms) writeFileSync(join(dir, platform), platform.repeat(100_000));
  const items = platforms.flatMap((platform) => ["--platform", `${platform}=${platform}`]);
  const args = ["push", "oci:layout:1", ...items, "--title", "tool", "--json", "-v"];
  const here = await succeeding(alone(standalone, args, { cwd: dir }));
  expect(here.stderr).not.toContain("no thread for compression");
  const there = await succeeding(oras(args, { cwd: dir, node: process.execPath }));
  expect(JSON.parse(here.stdout).digest).toBe(JSON.parse(there.stdout).digest);
});

test("standalone: Node reads no file that the words of a tool name", async (context) => {
  const standalone = await requireStandalone(context);
  const project = lockedProject();
  await project.add("echoing", echoingTool);
  writeFileSync(join(project.dir, "own.cjs"), "console.log('own code')");
  writeFileSync(join(project.dir, ".env"), "NODE_OPTIONS=--require=./own.cjs\n");
  writeFileSync(join(project.dir, "node.config.json"), JSON.stringify({ nodeOptions: { require: ["./own.cjs"] } }));
  const { PATH } = process.env;
  const options = { cwd: project.dir, env: { ...project.env, ...(PATH === undefined ? {} : { PATH }) } };
  const config = "--experimental-config-file=node.config.json";
  for (const words of [["--env-file=.env"], ["--env-file", ".env"], ["--", "--env-file=.env"], [config]]) {
    const ran = await alone(standalone, ["run", "echoing", ...words], options);
    const args = words.filter((word) => word !== "--");
    expect(ran).toMatchObject({ exitCode: 7, stdout: `args:${args.length}:${args.join(" ")}\n` });
  }
});

test("standalone: NODE_OPTIONS of the user's own Node changes nothing", async (context) => {
  const standalone = await requireStandalone(context);
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, "own.cjs"), "console.log('own code')");
  // Of another Node, of a package manager, and an option that makes V8 refuse the kept code.
  for (const options of ["--nonsense", "--require ./gone.cjs", "--require ./own.cjs", "--jitless"]) {
    const ran = await alone(standalone, ["--version"], { cwd, env: { NODE_OPTIONS: options } });
    expect(ran, options).toMatchObject({ exitCode: 0, stdout: `buck2-oras ${packageVersion}\n`, stderr: "" });
  }
});

test("standalone: its shims name it alone, however it was called, and a copy of it if it lies in buck-out", async (context) => {
  const { file } = await requireStandalone(context);
  const project = lockedProject();
  await project.add("echoing", echoingTool);
  const bin = join(project.home, "bin");
  mkdirSync(bin);
  symlinkSync(file, join(bin, "oras-by-link"));
  const env = { ...project.env, PATH: `${bin}:${process.env.PATH}` };
  await succeeding(run("oras-by-link", ["shim", "shims"], { cwd: project.dir, env }));
  const shim = join(project.dir, "shims/echoing");
  expect(readFileSync(shim, "utf8")).toContain(`$('${file}' which `);
  expect(await run(shim, ["a b"], { env, cwd: "/" })).toMatchObject({
    exitCode: 7,
    stdout: "args:1:a b\n",
    stderr: "",
  });
  mkdirSync(join(project.home, "buck-out"));
  const built = join(project.home, "buck-out/buck2-oras");
  copyFileSync(file, built);
  await succeeding(run(built, ["shim", "lasting"], { cwd: project.dir, env }));
  const lasting = join(project.dir, "lasting/echoing");
  expect(readFileSync(lasting, "utf8")).not.toContain("buck-out");
  expect(await run(lasting, ["a b"], { env })).toMatchObject({ exitCode: 7, stdout: "args:1:a b\n", stderr: "" });
});

test("npm run package: a plain Node, another bundle and another platform are no result", async (context) => {
  const { platform, node } = requireStandaloneNode(context);
  const { file } = await requireStandalone(context);
  const bundle = Buffer.from((await bundleExecutable({ lazy: false })).text);
  const made = { file, platform, bundle, version: packageVersion };
  checkMade(made);
  expect(() => checkMade({ ...made, file: node })).toThrow("is a plain Node");
  expect(() => checkMade({ ...made, bundle: Buffer.from("another bundle") })).toThrow("does not hold the bundle");
  expect(() => checkMade({ ...made, platform: "windows-arm64" })).toThrow("is not for windows-arm64");
  expect(() => checkMade({ ...made, version: "0.0.1" })).toThrow("says «buck2-oras");
  expect(() => checkMade({ ...made, file: inject("executable") })).toThrow("it is no executable");
});

test("npm run package: an executable for macOS without a signature is named", () => {
  const header = Buffer.alloc(80);
  header.writeUInt32LE(0xfeedfacf, 0);
  header.writeUInt32LE(0x0100000c, 4);
  header.writeUInt32LE(2, 16);
  // Two load commands: a segment, and another segment or the signature.
  for (const [at, command] of [
    [32, 0x19],
    [48, 0x19],
  ] as const) {
    header.writeUInt32LE(command, at);
    header.writeUInt32LE(16, at + 4);
  }
  expect(isSigned(header)).toBe(false);
  header.writeUInt32LE(0x1d, 48);
  expect(isSigned(header)).toBe(true);
});

test("npm run package: an unknown platform is refused, with the known ones", async () => {
  const ran = await runPackage(["--platform", "linux-riscv64"]);
  expect(ran.exitCode).toBe(1);
  expect(ran.stderr).toMatch(/no platform «linux-riscv64», which is none of linux-x86_64, [^\n]*\n {2}hint: run /);
});

test("npm run package: --help has the options, and a reference that nothing can be pushed to is refused at once", async () => {
  const help = await runPackage(["--help"]);
  expect(help).toMatchObject({ exitCode: 0, stderr: "" });
  expect(help.stdout).toMatch(/^Usage: npm run package[\s\S]*--platform[\s\S]*--push <ref>[\s\S]*linux-x86_64/);
  for (const line of help.stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
  const folder = temporaryFolder();
  for (const [reference, why] of [
    ["tools", "names no registry, and no default registry is set\n  hint: write HOST/REPOSITORY:TAG\n"],
    ["localhost:1/tools/buck2-oras", "has no tag to push to"],
    ["localhost:1/tools/buck2-oras:1", "cannot talk to localhost:1"],
  ] as const) {
    const ran = await runPackage(["--output", folder, "--push", reference]);
    expect(ran).toMatchObject({ exitCode: 1, stdout: "" });
    expect(ran.stderr).toContain(why);
    expect(ran.stderr).toContain("\n  hint: ");
    expect(readdirSync(folder)).toEqual([]);
  }
});

test("npm run package: a folder that cannot be made is named, and the option", async () => {
  const file = join(temporaryFolder(), "file");
  writeFileSync(file, "");
  const ran = await runPackage(["--output", join(file, "out")]);
  expect(ran).toMatchObject({ exitCode: 1, stdout: "" });
  expect(ran.stderr).toMatch(
    /^error: cannot make the folder .*out: .*\n {2}hint: name another folder with --output\n$/,
  );
});

test("npm run package: without the packages of npm, it says how to get them", async () => {
  const folder = temporaryFolder();
  for (const name of ["scripts", "package.json"]) cpSync(name, join(folder, name), { recursive: true });
  const ran = await run(process.execPath, [join(folder, "scripts/package.mjs")]);
  expect(ran).toMatchObject({
    exitCode: 1,
    stdout: "",
    stderr: "error: the packages of npm are not there\n  hint: run `npm ci` in this folder first\n",
  });
});
