/** A machine that writes lies into the action cache of a fleet: whom they reach, and which settings keep them out. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { platformFromNode } from "../../src/model/platform.ts";
import { startBazelRemote } from "../support/bazel-remote.ts";
import { requireBuck2 } from "../support/buck2.ts";
import { uploadAs } from "../support/cas.ts";
import { type Consumer, layOutProject } from "../support/consumer.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startNativeLink } from "../support/nativelink.ts";
import { requireProgram, type Skippable } from "../support/peers.ts";
import { executionPlatforms, executionPlatformsConfig } from "../support/platform-targets.ts";
import { publishTool } from "../support/published-tool.ts";

/** In place of Node: writes bytes of its own, and ends as if they were the digest's. */
const lyingNode = `#!/bin/sh
for word in "$@"; do
  case $word in
    --output=*) printf '#!/bin/sh\\necho a lie\\n' > "\${word#--output=}" ;;
  esac
done
`;

/** What lets Buck2 itself fetch the tool. */
const nativeAttributes = '    access = "http",\n    executable = True,\n    digest';

/** The tool as it was published. */
const good = /^#!\/bin\/sh\necho [0-9a-f]{16}\n$/;

type TestContext = Skippable & { readonly onTestFinished: (end: () => Promise<void>) => void };

/** A fleet whose first machine lied. @returns Lays out a further machine with lines of its own in the toolchain. */
async function poisonedFleet(context: TestContext): Promise<(toolchain?: string) => Consumer> {
  const buck2 = requireBuck2(context);
  const registryProgram = requireProgram(context, "docker-registry");
  const cacheProgram = requireProgram(context, "bazel-remote");
  const registry = await startDockerRegistry(registryProgram);
  context.onTestFinished(() => registry.stop());
  const cache = await startBazelRemote(cacheProgram);
  context.onTestFinished(() => cache.stop());
  const tool = await publishTool(`${registry.host}/tools`);
  const target = tool.target("tool").replace("    digest", nativeAttributes);
  const platform = platformFromNode(process.platform, process.arch);
  const files = Object.entries(executionPlatforms([platform], "cache", platform));
  // As docs/remote-execution.md has it for tools from their registry alone.
  const platforms = Object.fromEntries(
    files.map(([path, text]) => [path, text.replace('(dep, "cache")', '(dep, "local")')]),
  );
  const machine = (toolchain = ""): Consumer => {
    const made = layOutProject(buck2, {
      config: executionPlatformsConfig + cache.config,
      files: {
        ...platforms,
        BUCK: `load("@oras//rules:defs.bzl", "oras_artifact")\n${target}`,
        "toolchains/BUCK": `load("@oras//rules:defs.bzl", "oras_toolchain")\noras_toolchain(name = "oras", ${toolchain}visibility = ["PUBLIC"])\n`,
      },
    });
    context.onTestFinished(() => made.stop());
    return made;
  };
  const node = join(temporaryFolder(), "node");
  writeFileSync(node, lyingNode, { mode: 0o755 });
  const liar = await machine().build(["//:tool"], { env: { BUCK2_ORAS_NODE: node } });
  expect(liar.stderr).toContain("BUILD SUCCEEDED");
  return machine;
}

async function builtTool(machine: Consumer): Promise<string> {
  const built = await machine.build(["//:tool"]);
  expect(built.stderr).toContain("BUILD SUCCEEDED");
  return readFileSync(built.outputs("root//:tool")[0] ?? "", "utf8");
}

test("poisoned cache: the lie is for those who believe the cache, not for native fetches or a platform without the cache", async (context) => {
  const machine = await poisonedFleet(context);
  // SECURITY.md says so: Buck2 compares no result of an action with a digest, and asks nobody who could.
  expect(await builtTool(machine())).toContain("a lie");
  for (const toolchain of ['fetch = "native", ', 'exec_compatible_with = ["root//platforms:fetches"], ']) {
    expect(await builtTool(machine(toolchain)), toolchain).toMatch(good);
  }
});

/** Runs the tool, as a code generator would be. */
const use = `def _impl(ctx: AnalysisContext) -> list[Provider]:
    out = ctx.actions.declare_output("out.txt")
    ctx.actions.run(cmd_args("/bin/sh", "-c", '"$0" > "$1"', ctx.attrs.tool[RunInfo], out.as_output()), category = "use")
    return [DefaultInfo(default_output = out)]

use = rule(impl = _impl, attrs = {"tool": attrs.exec_dep(providers = [RunInfo])})
`;

test.for([true, false])(
  "poisoned CAS, strict and native: whether it verifies uploads (%s) decides what runs on a worker",
  async (isVerifying, context) => {
    const buck2 = requireBuck2(context);
    const engineProgram = requireProgram(context, "nativelink");
    const registry = await startDockerRegistry(requireProgram(context, "docker-registry"));
    context.onTestFinished(() => registry.stop());
    const engine = await startNativeLink(engineProgram, { isVerifying });
    context.onTestFinished(() => engine.stop());
    const tool = await publishTool(`${registry.host}/tools`);
    const lie = Buffer.from("#!/bin/sh\necho a lie\n".padEnd(tool.size));
    expect((await uploadAs(engine, tool.digest, lie)) === "0").toBe(!isVerifying);
    const target = tool.target("tool").replace("    digest", nativeAttributes);
    const project = layOutProject(buck2, {
      config: `${executionPlatformsConfig}${engine.config}[oras]\n  fetch = native\n`,
      files: {
        ...executionPlatforms([platformFromNode(process.platform, process.arch)], "strict"),
        "use.bzl": use,
        BUCK: `load("@oras//rules:defs.bzl", "oras_artifact")\nload(":use.bzl", "use")\n${target}\nuse(name = "used", tool = ":tool")\n`,
        "toolchains/BUCK": `load("@oras//rules:defs.bzl", "oras_toolchain")\noras_toolchain(name = "oras", visibility = ["PUBLIC"])\n`,
      },
    });
    context.onTestFinished(() => project.stop());
    const built = await project.build(["//:used", "//:tool"]);
    expect(built.stderr).toContain("BUILD SUCCEEDED");
    const [used, here] = ["used", "tool"].map((name) => readFileSync(built.outputs(`root//:${name}`)[0] ?? "", "utf8"));
    expect(used).toMatch(isVerifying ? /^[0-9a-f]{16}\n$/ : /^a lie\n/);
    // What Buck2 itself downloads, it compares with the digest.
    expect(here).toMatch(good);
  },
);
