/** The rules in projects that differ from the example: another name for the cell, and no prelude. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { platformFromNode } from "../../src/model/platform.ts";
import { requireBuck2 } from "../support/buck2.ts";
import { type Consumer, layOutProject } from "../support/consumer.ts";
import { oras } from "../support/executable.ts";
import { succeeding } from "../support/succeeding.ts";

/** Publishes a tool for this machine in the layout `tools/oci`, and locks it. */
async function lockTool(project: Consumer): Promise<void> {
  const cwd = join(project.dir, "tools");
  mkdirSync(cwd, { recursive: true });
  writeFileSync(join(cwd, "hello"), "#!/bin/sh\necho hello\n");
  chmodSync(join(cwd, "hello"), 0o755);
  const platform = platformFromNode(process.platform, process.arch);
  await succeeding(oras(["push", "oci:oci:1.0", "--platform", `${platform}=hello`], { cwd }));
  await succeeding(oras(["lock", "add", "hello", "oci:oci:1.0", "--lock", "oras.lock.json"], { cwd }));
}

test("cells: the consumer may call the cell what it likes", async (context) => {
  const project = layOutProject(requireBuck2(context), {
    cell: "acme_tools",
    files: {
      "toolchains/BUCK": `load("@acme_tools//rules:defs.bzl", "oras_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
`,
      "tools/BUCK": `load("@acme_tools//rules:defs.bzl", "oras_tool")
load(":oras.lock.json", lock = "value")
oras_tool(name = "hello", layout = "oci", lock = lock)
`,
    },
  });
  context.onTestFinished(() => project.stop());
  await lockTool(project);
  expect((await project.buck2(["run", "//tools:hello"])).stdout).toBe("hello\n");
  expect((await project.buck2(["run", "acme_tools//tools:oras", "--", "platform"])).stdout).toMatch(/^\w+-\w+\n$/);
  // The alias `oras` of this project means a cell that is not there: hints name the target.
  const typo = await project.buck2(["run", "acme_tools//tools:oras", "--", "lst"]);
  expect(typo.stderr).toContain("`buck2 run acme_tools//tools:oras -- --help`");
});

/** What the prelude has ready, in the least that a project can do with. */
const ownConfiguration = `def _setting_impl(ctx: AnalysisContext) -> list[Provider]:
    return [DefaultInfo(), ConstraintSettingInfo(label = ctx.label.raw_target())]

own_setting = rule(impl = _setting_impl, attrs = {}, is_configuration_rule = True)

def _value_impl(ctx: AnalysisContext) -> list[Provider]:
    setting = ctx.attrs.setting[ConstraintSettingInfo]
    value = ConstraintValueInfo(setting = setting, label = ctx.label.raw_target())
    return [DefaultInfo(), value, ConfigurationInfo(constraints = {setting.label: value}, values = {})]

own_value = rule(impl = _value_impl, attrs = {"setting": attrs.dep()}, is_configuration_rule = True)

def _machine_impl(ctx: AnalysisContext) -> list[Provider]:
    configuration = ctx.attrs.value[ConfigurationInfo]
    platform = ExecutionPlatformInfo(
        label = ctx.label.raw_target(),
        configuration = configuration,
        executor_config = CommandExecutorConfig(local_enabled = True, remote_enabled = False),
    )
    return [
        DefaultInfo(),
        PlatformInfo(label = str(ctx.label.raw_target()), configuration = configuration),
        ExecutionPlatformRegistrationInfo(platforms = [platform]),
    ]

own_machine = rule(impl = _machine_impl, attrs = {"value": attrs.dep()}, is_configuration_rule = True)

def _node_program_impl(ctx: AnalysisContext) -> list[Provider]:
    return [DefaultInfo(), RunInfo(args = cmd_args("node", ctx.attrs.program))]

node_program = rule(impl = _node_program_impl, attrs = {"program": attrs.source()})
`;

test("cells: a project without the prelude brings its own constraints and its own way to run Node", async (context) => {
  const platform = platformFromNode(process.platform, process.arch);
  const project = layOutProject(requireBuck2(context), {
    files: {
      ".buckconfig": `[cells]
  root = .
  toolchains = toolchains
  oras = oras
[external_cells]
  oras = git
[build]
  execution_platforms = root//own:machine
[parser]
  target_platform_detector_spec = target:root//...->root//own:machine target:toolchains//...->root//own:machine
`,
      "own/defs.bzl": ownConfiguration,
      "own/BUCK": `load(":defs.bzl", "node_program", "own_machine", "own_setting", "own_value")
own_setting(name = "kind")
own_value(name = "here", setting = ":kind", visibility = ["PUBLIC"])
own_machine(name = "machine", value = ":here", visibility = ["PUBLIC"])
node_program(name = "oras", program = "oras//:bundle", visibility = ["PUBLIC"])
node_program(name = "protoc", program = "protoc.cjs", visibility = ["PUBLIC"])
`,
      // In place of a real protoc: writes what it was told into the output folder.
      "own/protoc.cjs": `const fs = require("node:fs");
const [out, file] = process.argv.slice(2);
fs.writeFileSync(out.replace("--python_out=", "") + "/arguments", fs.readFileSync(file.slice(1)));
`,
      "protos/a.proto": "",
      "protos/BUCK": `load("@oras//rules:defs.bzl", "proto_generate")
proto_generate(name = "a", srcs = ["a.proto"], language = "python")
`,
      "toolchains/BUCK": `load("@oras//rules:defs.bzl", "oras_toolchain", "protoc_toolchain")
protoc_toolchain(
    name = "protoc",
    protoc = "root//own:protoc",
    shell = "oras//tools/shell:${process.platform === "win32" ? "windows" : "posix"}",
    visibility = ["PUBLIC"],
)
oras_toolchain(name = "oras", cli = "root//own:oras", visibility = ["PUBLIC"])
`,
      "tools/BUCK": `load("@oras//rules:defs.bzl", "oras_tool")
load(":oras.lock.json", lock = "value")
oras_tool(name = "hello", constraints = {"${platform}": ["//own:here"]}, layout = "oci", lock = lock)
`,
    },
  });
  context.onTestFinished(() => project.stop());
  await lockTool(project);
  const ran = await project.buck2(["run", "//tools:hello"]);
  expect(ran.stderr).toContain("BUILD SUCCEEDED");
  expect(ran.stdout).toBe("hello\n");
  const generated = await project.build(["//protos:a"]);
  expect(generated.stderr).toContain("BUILD SUCCEEDED");
  const [folder = ""] = generated.outputs("root//protos:a");
  expect(readFileSync(join(folder, "arguments"), "utf8")).toMatch(/\/protos\/a\.proto$/m);
});
