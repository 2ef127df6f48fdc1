/** Tools from an OCI image layout folder in the project: no server, and its blobs are inputs of the build. */
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { requireBuck2, shared } from "../support/buck2.ts";
import { type Consumer, layOutProject } from "../support/consumer.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { run } from "../support/run.ts";
import { succeeding } from "../support/succeeding.ts";

const toolchain = `load("@oras//rules:defs.bzl", "oras_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
`;

const setting = shared(
  (context) => requireBuck2(context),
  async (buck2) => layOutProject(buck2, { files: { "toolchains/BUCK": toolchain } }),
);

function script(path: string, says: string): string {
  writeFileSync(path, `#!/bin/sh\necho ${says}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Locks a reference of the package's layout `oci`, and declares it as the package's target `tool`. */
async function declareTool(project: Consumer, folder: string, tag: string, attributes = ""): Promise<void> {
  const cwd = join(project.dir, folder);
  await succeeding(oras(["lock", "add", "tool", `oci:oci:${tag}`, "--lock", "oras.lock.json"], { cwd }));
  project.write(
    `${folder}/BUCK`,
    `load("@oras//rules:defs.bzl", "oras_tool")
load(":oras.lock.json", lock = "value")
oras_tool(name = "tool", layout = "oci", lock = lock, ${attributes})
`,
  );
}

function packageFolder(project: Consumer, name: string): string {
  const folder = join(project.dir, name);
  mkdirSync(folder);
  return folder;
}

test("layout: a single file runs, and only a change of its own blob is noticed", async (context) => {
  const project = await setting(context);
  const folder = packageFolder(project, "single");
  const made = temporaryFolder();
  await succeeding(oras(["push", "oci:oci:1.0", script(join(made, "tool"), "one")], { cwd: folder }));
  await declareTool(project, "single", "1.0");
  expect((await project.buck2(["run", "//single:tool"])).stdout).toBe("one\n");

  await succeeding(oras(["push", "oci:oci:2.0", script(join(made, "tool"), "two")], { cwd: folder }));
  const again = await project.build(["//single:tool"]);
  expect(again.exitCode).toBe(0);
  expect(again.actions.local).toBe(0);

  await declareTool(project, "single", "2.0");
  expect((await project.buck2(["run", "//single:tool"])).stdout).toBe("two\n");
});

test("layout: a compressed file is unpacked", async (context) => {
  const project = await setting(context);
  const folder = packageFolder(project, "compressed");
  const file = join(temporaryFolder(), "tool.gz");
  writeFileSync(file, gzipSync("#!/bin/sh\necho compressed\n"));
  await succeeding(oras(["push", "oci:oci:1.0", file], { cwd: folder }));
  await declareTool(project, "compressed", "1.0");
  expect((await project.buck2(["run", "//compressed:tool"])).stdout).toBe("compressed\n");
});

test("layout: a folder runs the executable that the lock names, and offers its include folder and more", async (context) => {
  const project = await setting(context);
  const folder = packageFolder(project, "folder");
  const made = join(temporaryFolder(), "tool");
  for (const name of ["bin", "include/acme", "share"]) mkdirSync(join(made, name), { recursive: true });
  script(join(made, "bin", "tool"), '"$(cat "$(dirname "$0")/../share/greeting")"');
  writeFileSync(join(made, "share", "greeting"), "hello from beside\n");
  writeFileSync(join(made, "include", "acme", "a.proto"), "");
  await succeeding(oras(["push", "oci:oci:1.0", made], { cwd: folder }));
  await declareTool(project, "folder", "1.0", `strip_prefix = "tool", sub_targets = ["share/greeting"]`);
  expect((await project.buck2(["run", "//folder:tool"])).stdout).toBe("hello from beside\n");
  const built = await project.build(["//folder:tool[include]", "//folder:tool[share/greeting]"]);
  expect(built.outputs("root//folder:tool", "include")[0]).toMatch(/\/include$/);
  expect(built.outputs("root//folder:tool", "share/greeting")[0]).toMatch(/\/share\/greeting$/);
});

test("layout: several layers, as `oras push` makes them, are joined into one folder", async (context) => {
  const project = await setting(context);
  const folder = packageFolder(project, "several");
  const made = temporaryFolder();
  mkdirSync(join(made, "share"));
  writeFileSync(join(made, "share", "greeting"), "hello from the other layer\n");
  script(join(made, "tool"), '"$(cat "$(dirname "$0")/share/greeting")"');
  const push = ["push", "--oci-layout", `${join(folder, "oci")}:1.0`, "tool", "share"];
  await succeeding(run(requireProgram(context, "oras"), push, { cwd: made }));
  await declareTool(project, "several", "1.0");
  expect((await project.buck2(["run", "//several:tool"])).stdout).toBe("hello from the other layer\n");
  // The targets of the layers have names of their own, and the labels.
  await declareTool(project, "several", "1.0", 'executable = False, labels = ["x"]');
  const labelled = await project.buck2(["uquery", "attrfilter(labels, x, //several:)"]);
  expect(labelled.stdout.trim().split("\n").sort()).toEqual(
    ["tool", "tool__layer_0", "tool__layer_1"].map((name) => `root//several:${name}`),
  );
  expect((await project.buck2(["run", "//several:tool"])).stderr).toContain("is not a binary rule");
});

test("layout: data is no program; a lock from before, which does not say it, leaves it to the bytes", async (context) => {
  const project = await setting(context);
  const folder = packageFolder(project, "data");
  const made = temporaryFolder();
  writeFileSync(join(made, "words.txt"), "some words\n");
  await succeeding(oras(["push", "oci:oci:data", join(made, "words.txt")], { cwd: folder }));
  await succeeding(oras(["push", "oci:oci:program", script(join(made, "tool"), "a program")], { cwd: folder }));
  const lockFile = join(folder, "oras.lock.json");
  await declareTool(project, "data", "data");
  expect(JSON.parse(readFileSync(lockFile, "utf8")).tools.tool.platforms.any.layers[0].executable).toBe(false);
  expect((await project.buck2(["run", "//data:tool"])).stderr).toContain("is not a binary rule");
  expect((await project.build(["//data:tool"])).exitCode).toBe(0);

  await declareTool(project, "data", "program", 'compatible_with = ["prelude//os:linux"]');
  expect((await project.buck2(["run", "//data:tool"])).stdout).toBe("a program\n");
  const lock = readFileSync(lockFile, "utf8");
  expect(lock).toMatch(/\s*"executable": "tool",/);
  writeFileSync(lockFile, lock.replace(/\s*"executable": "tool",/, ""));
  await succeeding(oras(["lock", "check"], { cwd: folder }));
  expect((await project.buck2(["run", "//data:tool"])).stdout).toBe("a program\n");
});

test("layout: a target of another package takes it through `oras_layout`", async (context) => {
  const project = await setting(context);
  const folder = packageFolder(project, "shared");
  await succeeding(oras(["push", "oci:oci:1.0", script(join(temporaryFolder(), "tool"), "shared")], { cwd: folder }));
  await succeeding(oras(["lock", "add", "tool", "oci:oci:1.0", "--lock", "oras.lock.json"], { cwd: folder }));
  project.write(
    "shared/BUCK",
    `load("@oras//rules:defs.bzl", "oras_layout")
oras_layout(name = "oci", src = "oci", visibility = ["PUBLIC"])
`,
  );
  project.write(
    "user/BUCK",
    `load("@oras//rules:defs.bzl", "oras_tool")
load("//shared:oras.lock.json", lock = "value")
oras_tool(name = "tool", layout = "//shared:oci", lock = lock)
`,
  );
  expect((await project.buck2(["run", "//user:tool"])).stdout).toBe("shared\n");
});

test("layout: a blob that is not there is named", async (context) => {
  const project = await setting(context);
  const folder = packageFolder(project, "missing");
  await succeeding(oras(["push", "oci:oci:1.0", script(join(temporaryFolder(), "tool"), "missing")], { cwd: folder }));
  await declareTool(project, "missing", "1.0");
  rmSync(join(folder, "oci", "blobs"), { recursive: true });
  const built = await project.buck2(["build", "//missing:tool"]);
  expect(built.stderr).toMatch(/The path `blobs\/sha256\/[0-9a-f]{64}` does not exist in the artifact/);
});
