/** Builds from a pull-through cache that copies an artifact when its manifest is asked for, and not for a blob alone: zot with `sync`. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { requireBuck2 } from "../support/buck2.ts";
import { layOutProject } from "../support/consumer.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import { succeeding } from "../support/succeeding.ts";

const toolchain = `load("@oras//rules:defs.bzl", "oras_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
`;
const tool = `load("@oras//rules:defs.bzl", "oras_tool")
load("//:oras.lock.json", lock = "value")
oras_tool(name = "tool", lock = lock)
`;

test.for<[string, string]>([
  ["a process", ""],
  ["a worker", "[build]\n  execution_platforms = oras//prelude_ext:local_with_workers\n"],
])(
  "pull-through: %s asks an empty one for the locked manifest, and then for the blob again",
  async ([, config], context) => {
    const buck2 = requireBuck2(context);
    let isFilled = true;
    const serve = serveTool("#!/bin/sh\necho filled\n");
    const registry = await startServer((request, response, server) => {
      if (request.url.includes("/manifests/")) isFilled = true;
      if (isFilled) serve(request, response, server);
      else response.writeHead(404).end();
    });
    const project = layOutProject(buck2, { config, files: { "toolchains/BUCK": toolchain, "tools/BUCK": tool } });
    context.onTestFinished(() => project.stop());
    const env = { BUCK2_ORAS_CACHE_DIR: join(temporaryFolder(), "cache") };
    await succeeding(oras(["lock", "add", "tool", `${registry.host}/t/tool:1`], { cwd: project.dir, env }));
    isFilled = false;
    registry.seen.length = 0;
    const ran = await project.buck2(["run", "//tools:tool"]);
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0, stdout: "filled\n" });
    const kinds = registry.seen.map(({ url }) => (url.includes("/manifests/") ? "manifest" : "blob"));
    expect(kinds).toEqual(["blob", "manifest", "blob"]);
  },
);
