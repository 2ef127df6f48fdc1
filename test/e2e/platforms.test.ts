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
        ...executionPlatforms(["linux-x86_64", "darwin-arm64"], false),
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
  readonly size: number;
}

/** The configured `oras_artifact` targets of a query, by label. */
async function artifacts(
  project: Consumer,
  query: string,
  ...args: readonly string[]
): Promise<[string, ConfiguredArtifact][]> {
  const attributes = ["--output-attribute", "^(digest|platform|size)$"];
  const ran = await project.buck2(["cquery", "--json", ...attributes, ...args, query]);
  expect(ran.stderr).not.toContain("FAILED");
  return Object.entries(JSON.parse(ran.stdout) as Record<string, ConfiguredArtifact>);
}

test("platforms: each of the five locked ones chooses its own blob", async (context) => {
  const project = await setting(context);
  for (const platform of fivePlatforms) {
    const layer = lock.tools.protoc?.platforms[platform]?.layers[0];
    const found = await artifacts(project, "//tools:protoc", "--target-platforms", `//platforms:${platform}`);
    expect(found.map(([, attributes]) => attributes)).toEqual([{ digest: layer?.digest, platform, size: layer?.size }]);
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
    const query = `attrfilter(name, protoc, deps(${target}))`;
    const found = await artifacts(
      project,
      `kind(oras_artifact, ${query})`,
      "--target-platforms",
      "//platforms:windows-x86_64",
    );
    expect(found.map(([label]) => label.split(" ")[0])).toEqual(["root//tools:protoc"]);
    expect(found.map(([, attributes]) => attributes.platform)).toEqual([platform]);
  }
});
