/** A project whose actions use tools of a registry, on the workers of an engine. */
import { platformFromNode } from "../../src/model/platform.ts";
import { type Consumer, layOutProject } from "./consumer.ts";
import { sha256 } from "./layout-project.ts";
import { type ExecutionMode, executionPlatforms, executionPlatformsConfig } from "./platform-targets.ts";

const toolchains = `load("@oras//rules:defs.bzl", "oras_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
`;

/** An action that runs a tool, and one file of the project that the action reads. */
const useRule = `def _impl(ctx):
    out = ctx.actions.declare_output("out.txt")
    ctx.actions.run(
        cmd_args(ctx.attrs.tool[RunInfo], out.as_output(), hidden = ctx.attrs.src),
        category = "use",
    )
    return [DefaultInfo(default_output = out)]

use = rule(
    impl = _impl,
    attrs = {
        "src": attrs.source(),
        "tool": attrs.exec_dep(providers = [RunInfo]),
    },
)
`;

/** A program of this size, which writes \`used\` into the file that is its argument. */
export function toolOf(sizeBytes: number, seed: number): Buffer {
  const content = Buffer.alloc(sizeBytes, seed);
  content.write('#!/bin/sh\necho used > "$1"\nexit 0\n');
  return content;
}

export interface ToolProjectOptions {
  readonly buck2: string;
  readonly registry: string;
  readonly tools: Readonly<Record<string, Buffer>>;
  /** Lines of the engine for the configuration. */
  readonly engine: string;
  readonly mode: ExecutionMode;
  /** How blobs are fetched. */
  readonly fetch: "native" | "process";
}

/** `//tools:NAME` is the tool, and `//use:NAME` the action that uses it. */
export function toolProject({ buck2, registry, tools, engine, mode, fetch }: ToolProjectOptions): Consumer {
  const names = Object.keys(tools);
  const artifacts = Object.entries(tools).map(
    ([name, content]) => `oras_artifact(
    name = "${name}",
    access = "http",
    digest = "${sha256(content)}",
    executable = True,
    repository = "${registry}/tools/${name}",
    size_bytes = ${content.length},
    visibility = ["PUBLIC"],
)
`,
  );
  const uses = names.map((name) => `use(name = "${name}", src = "input.txt", tool = "//tools:${name}")\n`);
  return layOutProject(buck2, {
    config: `${executionPlatformsConfig}${engine}[oras]\n  fetch = ${fetch}\n`,
    files: {
      ...executionPlatforms([platformFromNode(process.platform, process.arch)], mode),
      "toolchains/BUCK": toolchains,
      "tools/BUCK": `load("@oras//rules:defs.bzl", "oras_artifact")\n${artifacts.join("")}`,
      "use/rule.bzl": useRule,
      "use/BUCK": `load(":rule.bzl", "use")\n${uses.join("")}`,
      "use/input.txt": "first\n",
    },
  });
}
