/** Which platform's tool a build gets: by the target platform, and for a toolchain by the execution platform. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseLock } from "../../src/lockfile/file.ts";
import { requireBuck2, shared } from "../support/buck2.ts";
import { type Consumer, exampleDir, layOutProject } from "../support/consumer.ts";
import { executionPlatforms, executionPlatformsConfig } from "../support/platform-targets.ts";
import { fivePlatforms } from "../support/real-tools.ts";

const lock = parseLock(readFileSync(join(exampleDir, "oras.lock.json"), "utf8"), "oras.lock.json");

/** The example, on machines of two kinds. */
const setting = shared(
  (context) => requireBuck2(context),
  async (buck2) =>
    layOutProject(buck2, {
      isExample: true,
      config: executionPlatformsConfig,
      files: {
        ...executionPlatforms(["linux-x86_64", "darwin-arm64"], "local"),
        "compat/BUCK": `load("@oras//rules:defs.bzl", "oras_tool")
load("//:oras.lock.json", lock = "value")
oras_tool(name = "any_of", tool = "protoc", lock = lock, compatible_with = ["prelude//os:linux"])
oras_tool(name = "all_of", tool = "protoc", lock = lock, target_compatible_with = ["prelude//os:linux"])
`,
        "machines/a.proto": 'syntax = "proto3"; package machines; message A {}\n',
        "machines/BUCK": `load("@oras//rules:defs.bzl", "proto_generate")

[
    proto_generate(
        name = "on_" + os,
        srcs = ["a.proto"],
        exec_compatible_with = ["prelude//os:" + os],
        language = "python",
    )
    for os in ["linux", "macos"]
]
`,
      },
    }),
);

interface ConfiguredArtifact {
  readonly digest: string;
  readonly platform: string;
  readonly size_bytes: number;
}

/** The configured `oras_artifact` targets of a query, by label. */
async function artifacts(
  project: Consumer,
  query: string,
  ...args: readonly string[]
): Promise<[string, ConfiguredArtifact][]> {
  const attributes = ["--output-attribute", "^(digest|platform|size_bytes)$"];
  const ran = await project.buck2(["cquery", "--json", ...attributes, ...args, query]);
  expect(ran.stderr).not.toContain("FAILED");
  return Object.entries(JSON.parse(ran.stdout) as Record<string, ConfiguredArtifact>);
}

test("platforms: each of the five locked ones chooses its own blob", async (context) => {
  const project = await setting(context);
  for (const platform of fivePlatforms) {
    const layer = lock.tools.protoc?.platforms[platform]?.layers[0];
    const query = "kind(oras_artifact, deps(//tools:protoc))";
    const found = await artifacts(project, query, "--target-platforms", `//platforms:${platform}`);
    const chosen = { digest: layer?.digest, platform, size_bytes: layer?.size };
    expect(found.map(([, attributes]) => attributes)).toEqual([chosen]);
  }
});

test("platforms: for one that is not locked Buck2 names what it looked for", async (context) => {
  const project = await setting(context);
  const ran = await project.buck2(["cquery", "//tools:protoc", "--target-platforms", "//platforms:windows-arm64"]);
  expect(ran.exitCode).not.toBe(0);
  expect(ran.stderr).toContain("//tools:protoc");
  expect(ran.stderr).toContain("prelude//cpu:x86_64");
});

test("platforms: a toolchain gives the tool of the machine that runs it, on two kinds of machines", async (context) => {
  const project = await setting(context);
  for (const [target, platform] of [
    ["//machines:on_linux", "linux-x86_64"],
    ["//machines:on_macos", "darwin-arm64"],
  ] as const) {
    // The target is for Windows in both cases: what counts is where protoc runs.
    const query = `kind(oras_artifact, filter("tools:protoc__", deps(${target})))`;
    const found = await artifacts(project, query, "--target-platforms", "//platforms:windows-x86_64");
    expect(found.map(([label]) => label.split(" ")[0])).toEqual([`root//tools:protoc__${platform}`]);
    expect(found.map(([, attributes]) => attributes.platform)).toEqual([platform]);
  }
});

test("platforms: a tool takes either way to say what it is compatible with", async (context) => {
  const project = await setting(context);
  for (const [platform, count] of [
    ["linux-x86_64", 4],
    ["windows-x86_64", 0],
  ] as const) {
    const args = ["--skip-missing-targets", "--target-platforms", `//platforms:${platform}`];
    const ran = await project.buck2(["ctargets", "//compat:", ...args]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    // The name, and the target of the platform.
    const names = ran.stdout.split("\n").flatMap((line) => /^root\/\/compat:(\S+) /.exec(line)?.[1] ?? []);
    expect(names).toHaveLength(count);
  }
});

test("platforms: `build //...` fetches nothing for other platforms", async (context) => {
  const project = await setting(context);
  for (const platform of ["linux-x86_64", "windows-x86_64"]) {
    const args = ["--target-platforms", `//platforms:${platform}`];
    const ran = await project.buck2(["ctargets", "//tools:", "--skip-missing-targets", ...args]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    const own = ran.stdout.split("\n").flatMap((line) => /^root\/\/tools:(\S+__\S+) /.exec(line)?.[1] ?? []);
    expect(own.sort()).toEqual([`protoc-gen-grpc-java__${platform}`, `protoc__${platform}`]);
  }
  const named = await project.buck2(["build", "//tools:protoc__darwin-arm64"]);
  expect(named.exitCode).not.toBe(0);
  expect(named.stderr).toMatch(/protoc__darwin-arm64[\s\S]*incompatible/);
});
