/** The rules for `.proto` files in a project of two cells, with plugins of several kinds. */
import { chmodSync, copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { platformFromNode } from "../../src/model/platform.ts";
import { requireBuck2, shared } from "../support/buck2.ts";
import { exampleDir, layOutProject } from "../support/consumer.ts";
import { mavenExecutable, protoc } from "../support/real-tools.ts";

const platform = platformFromNode(process.platform, process.arch);

/** Plugins write the answer by hand: one file, with its name, perhaps an insertion point, and its text. */
const plugin = `const field = (number, bytes) => Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
const [name, point, ...words] = process.argv.slice(2);
const file = [field(1, Buffer.from(name)), ...(point ? [field(2, Buffer.from(point))] : []), field(15, Buffer.from(words.join("|")))];
process.stdin.resume().on("end", () => process.stdout.write(field(15, Buffer.concat(file))));
`;

const programRule = `def _impl(ctx: AnalysisContext) -> list[Provider]:
    return [DefaultInfo(), RunInfo(args = cmd_args(ctx.attrs.command))]

program = rule(impl = _impl, attrs = {"command": attrs.list(attrs.one_of(attrs.source(), attrs.string()))})
`;

const message = (name: string, ...imports: readonly string[]): string =>
  `syntax = "proto3";
package ${name.toLowerCase()};
option java_outer_classname = "Outer";
${imports.map((path) => `import "${path}";\n`).join("")}
message ${name} {}
`;

const setting = shared(
  async (context) => ({
    buck2: requireBuck2(context),
    compiler: await mavenExecutable(context, protoc, platform),
  }),
  async ({ buck2, compiler }) => {
    const buckconfig = readFileSync(join(exampleDir, ".buckconfig"), "utf8");
    const project = layOutProject(buck2, {
      files: {
        ".buckconfig": buckconfig.replace("[cells]\n", "[cells]\n  other = other\n"),
        "other/.buckconfig":
          "[cell_aliases]\n  acme = oras\n  root = root\n  prelude = prelude\n  toolchains = toolchains\n",
        "tools/program.bzl": programRule,
        "tools/plugin.js": plugin,
        "tools/BUCK": `load(":program.bzl", "program")
export_file(name = "include", mode = "reference", visibility = ["PUBLIC"])
program(name = "protoc", command = ["./protoc"], visibility = ["PUBLIC"])
command_alias(name = "alias", args = ["$(location :include)"], exe = ":words", visibility = ["PUBLIC"])
program(name = "words", command = ["${process.execPath}", "plugin.js", "words.txt", "", "$HOME", "it's"], visibility = ["PUBLIC"])
program(
    name = "insert",
    command = ["${process.execPath}", "plugin.js", "main/Outer.java", "outer_class_scope", "// inserted"],
    visibility = ["PUBLIC"],
)
`,
        "tools/include/google/protobuf/any.proto": 'syntax = "proto3"; package google.protobuf; message Any {}\n',
        "toolchains/BUCK": `load("@oras//rules:defs.bzl", "protoc_toolchain")
protoc_toolchain(
    name = "protoc",
    include = "root//tools:include",
    plugins = {"words": "root//tools:words", "insert": "root//tools:insert", "alias": "root//tools:alias", "python": "root//tools:words"},
    protoc = "root//tools:protoc",
    visibility = ["PUBLIC"],
)
protoc_toolchain(
    name = "strict",
    languages = ["grpc_python"],
    protoc = "root//tools:protoc",
    protoc_options = ["--fatal_warnings"],
    strict_deps = True,
    visibility = ["PUBLIC"],
)
`,
        "base/base.proto": message("Base"),
        "base/BUCK": `load("@oras//rules:defs.bzl", "proto_library")
proto_library(name = "base", srcs = ["base.proto"], visibility = ["PUBLIC"])
`,
        "other/middle/middle.proto": message("Middle", "base/base.proto"),
        "other/middle/BUCK": `load("@acme//rules:defs.bzl", "proto_generate", "proto_library")
proto_library(name = "middle", srcs = ["middle.proto"], deps = ["root//base:base"], visibility = ["PUBLIC"])
proto_generate(name = "cpp", language = "cpp", protos = ["root//main:main"])
`,
        "main/main.proto": message("Main", "middle/middle.proto"),
        "vendor/include/acme/vendored.proto": message("Vendored"),
        "vendor/BUCK": 'export_file(name = "include", mode = "reference", visibility = ["PUBLIC"])\n',
        "main/uses.proto": message("Uses", "acme/vendored.proto"),
        "main/skip.proto": message("Skip", "base/base.proto"),
        "main/base/base.proto": message("Base"),
        "main/BUCK": `load("@oras//rules:defs.bzl", "proto_descriptor_set", "proto_generate", "proto_include_library", "proto_library")
proto_library(name = "main", srcs = ["main.proto"], deps = ["other//middle:middle"], visibility = ["PUBLIC"])
proto_generate(name = "cells", language = "cpp", protos = [":main", "other//middle:middle"])
proto_generate(name = "words", language = "words", protos = [":main"])
proto_generate(name = "alias", language = "alias", protos = [":main"])
proto_generate(name = "shadowed", language = "python", protos = [":main"])
proto_generate(name = "further", language = "grpc_python", protos = [":main"], toolchain = "toolchains//:strict")
proto_generate(name = "several", generators = {"java": ["lite"], "pyi": [], "insert": []}, protos = [":main"])
proto_generate(name = "archive", language = "java", out = "main.srcjar", protos = [":main"])
proto_include_library(name = "any", paths = ["google/protobuf/any.proto"])
proto_include_library(name = "any_too", paths = ["google/protobuf/any.proto"])
proto_include_library(name = "vendored", include = "//vendor:include")
proto_generate(name = "user", deps = [":any_too", ":vendored"], language = "cpp", protos = [":any", ":uses_vendored"])
proto_library(name = "uses_vendored", srcs = ["uses.proto"], deps = [":vendored"])
proto_generate(name = "any_cpp", language = "cpp", protos = [":any"])
proto_library(name = "copy", srcs = ["base/base.proto"], strip_import_prefix = ".")
proto_library(name = "name_of_base", deps = ["//base:base"])
proto_generate(name = "clash", deps = [":copy", "other//middle:middle"], language = "cpp", srcs = ["skip.proto"])
proto_generate(name = "direct", deps = [":name_of_base"], language = "cpp", srcs = ["skip.proto"], toolchain = "toolchains//:strict")
proto_generate(name = "indirect", deps = [":main"], language = "cpp", srcs = ["skip.proto"], strict_deps = True)
proto_generate(name = "warned", language = "cpp", protos = [":main"])
proto_generate(name = "refused", language = "cpp", protos = [":main"], protoc_options = ["--fatal_warnings"])
`,
      },
    });
    copyFileSync(compiler, join(project.dir, "tools", "protoc"));
    chmodSync(join(project.dir, "tools", "protoc"), 0o755);
    return project;
  },
);

test("proto: files of another cell are dependencies and inputs, in both directions, under two names of our cell", async (context) => {
  const project = await setting(context);
  const built = await project.build(["//main:cells", "other//middle:cpp"]);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  const [cells = ""] = built.outputs("root//main:cells");
  expect(existsSync(join(cells, "main", "main.pb.h"))).toBe(true);
  expect(existsSync(join(cells, "middle", "middle.pb.h"))).toBe(true);
});

test("proto: a plugin is any command, also under the name of a language that protoc has built in", async (context) => {
  const project = await setting(context);
  const expected = { words: "$HOME|it's", shadowed: "$HOME|it's", alias: "$HOME|it's|tools/include" };
  const built = await project.build(Object.keys(expected).map((name) => `//main:${name}`));
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  for (const [name, text] of Object.entries(expected)) {
    const [folder = ""] = built.outputs(`root//main:${name}`);
    expect(readFileSync(join(folder, "words.txt"), "utf8")).toBe(text);
  }
});

test("proto: a toolchain may name further languages that its protoc has built in", async (context) => {
  const project = await setting(context);
  // This protoc has not: it says so itself.
  const built = await project.build(["//main:further"]);
  expect(built.subErrors).toMatchObject([{ category: "PROTO_PLUGIN_NOT_FOUND", message: /grpc_python_out/ }]);
});

test("proto: several generators write into one folder, and one inserts code into the files of another", async (context) => {
  const project = await setting(context);
  const built = await project.build(["//main:several"]);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  const [folder = ""] = built.outputs("root//main:several");
  const java = readFileSync(join(folder, "main", "Outer.java"), "utf8");
  expect(java).toContain("// inserted");
  expect(java).toContain("GeneratedMessageLite");
  expect(existsSync(join(folder, "main", "main_pb2.pyi"))).toBe(true);
});

test("proto: an output whose name has the suffix of an archive is one file", async (context) => {
  const project = await setting(context);
  const built = await project.build(["//main:archive"]);
  const [archive = ""] = built.outputs("root//main:archive");
  expect(archive).toMatch(/main\.srcjar$/);
  expect(readFileSync(archive, "latin1")).toMatch(/^PK[\s\S]*main\/Outer\.java/);
});

test("proto: files of a folder are imported without a list, and code is generated for those that are listed", async (context) => {
  const project = await setting(context);
  const built = await project.build(["//main:user"]);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  const [folder = ""] = built.outputs("root//main:user");
  expect(existsSync(join(folder, "main", "uses.pb.h"))).toBe(true);
  expect(existsSync(join(folder, "acme"))).toBe(false);
});

test("proto: code for files of the toolchain's include folder", async (context) => {
  const project = await setting(context);
  const built = await project.build(["//main:any_cpp"]);
  const [folder = ""] = built.outputs("root//main:any_cpp");
  expect(existsSync(join(folder, "google", "protobuf", "any.pb.h"))).toBe(true);
});

test("proto: two targets with different files for one import path are both named, at analysis", async (context) => {
  const project = await setting(context);
  const ran = await project.buck2(["audit", "providers", "//main:clash"]);
  expect(ran.exitCode).not.toBe(0);
  expect(ran.stderr).toContain(
    "`root//main:clash` gets the import path `base/base.proto` from two targets: `root//main:copy` and `root//base:base`",
  );
});

test("proto: strict dependencies are the direct ones, and a target without files stands for its own", async (context) => {
  const project = await setting(context);
  const direct = await project.build(["//main:direct"]);
  // The toolchain's --fatal_warnings: the import is unused.
  expect(direct.stderr).not.toContain("is imported, and no target");
  const indirect = await project.build(["//main:indirect"]);
  expect(indirect.stderr).toContain("main/skip.proto: base/base.proto is imported, and no target in `deps` has it");
});

test("proto: warnings are shown, and refused where the target or the toolchain says so", async (context) => {
  const project = await setting(context);
  const warning = "main.proto:4:1: warning: Import middle/middle.proto is unused.";
  const warned = await project.build(["//main:warned"]);
  expect(warned.exitCode).toBe(0);
  expect(warned.stderr).toContain(warning);
  for (const name of ["refused", "direct"]) expect((await project.build([`//main:${name}`])).exitCode).not.toBe(0);
});

test("proto: the command line stays short, however many files and libraries there are", async (context) => {
  const project = await setting(context);
  const names = Array.from({ length: 300 }, (_, index) => `a_rather_long_name_of_a_file_${index}`);
  for (const name of names) project.write(`long/${name}.proto`, message(name.toUpperCase()));
  project.write(
    "long/BUCK",
    `load("@oras//rules:defs.bzl", "proto_generate", "proto_library")
[proto_library(name = src.removesuffix(".proto"), srcs = [src]) for src in glob(["*.proto"])]
proto_generate(name = "long", language = "python", protos = [":" + src.removesuffix(".proto") for src in glob(["*.proto"])])
`,
  );
  expect((await project.build(["//long:long"])).exitCode).toBe(0);
  const ran = await project.buck2(["log", "what-ran", "--format", "json"]);
  const lines = ran.stdout.split("\n").filter((line) => line.includes("proto_generate"));
  expect(lines).toHaveLength(1);
  // Windows takes 8,191 characters.
  expect(lines[0]?.length).toBeLessThan(2_000);
});
