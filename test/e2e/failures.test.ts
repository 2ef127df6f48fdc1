/** What `buck2 build` itself tells when a pull fails: our code, what happened, and the hint. */
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { type Built, requireBuck2, shared } from "../support/buck2.ts";
import { layOutProject } from "../support/consumer.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireNode } from "../support/node-versions.ts";
import { findProgram, requireProgram } from "../support/peers.ts";
import { publishTool, toolTarget } from "../support/published-tool.ts";

const toolchains = `load("@oras//rules:defs.bzl", "oras_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
`;
const load = `load("@oras//rules:defs.bzl", "oras_artifact")\n`;

const setting = shared(
  (context) => ({ buck2: requireBuck2(context), program: requireProgram(context, "docker-registry") }),
  async ({ buck2, program }) => {
    const registry = await startDockerRegistry(program);
    const project = layOutProject(buck2, { files: { "toolchains/BUCK": toolchains } });
    const stop = async (): Promise<void> => {
      await project.stop();
      await registry.stop();
    };
    return { project, registry, stop };
  },
);

/**
 * The failure is in Buck2's output as a person sees it, in our own words alone, and in the build report as a program reads
 * it.
 */
function expectFailure(built: Built, code: string, message: RegExp, hint: RegExp): void {
  expect(built.exitCode).not.toBe(0);
  expect(built.subErrors).toEqual([
    { category: code, message: expect.stringMatching(message), remediation: expect.stringMatching(hint) },
  ]);
  const [subError] = built.subErrors;
  expect(built.stderr).toContain(`error[${code}]: ${subError?.message}`);
  // Buck2 shows an action's stderr when the action fails, and once more at the end.
  expect(built.stderr.split(`hint: ${subError?.remediation}`)).toHaveLength(3);
  expect(built.stderr).not.toContain(`Hint: ${subError?.remediation}`);
}

test("failures: bytes tampered with in the registry's storage", async (context) => {
  const { project, registry } = await setting(context);
  const tool = await publishTool(`${registry.host}/tampered`);
  const hex = tool.digest.replace("sha256:", "");
  const file = join(registry.storageDir, "docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
  // Another byte, whatever it was: what the tool prints is random.
  const bytes = readFileSync(file);
  const last = bytes.length - 2;
  bytes.writeUInt8(bytes.readUInt8(last) ^ 1, last);
  writeFileSync(file, bytes);
  project.write("tampered/BUCK", load + tool.target("tool"));
  const built = await project.build(["//tampered:tool"]);
  expectFailure(built, "BLOB_DIGEST_MISMATCH", new RegExp(tool.digest), /nothing was kept/);
});

test("failures: a blob that the registry does not have", async (context) => {
  const { project, registry } = await setting(context);
  const missing = toolTarget(`${registry.host}/missing`, `sha256:${"0".repeat(64)}`, 3);
  project.write("missing/BUCK", load + missing.target("tool"));
  const built = await project.build(["//missing:tool"]);
  expectFailure(built, "ARTIFACT_NOT_FOUND", new RegExp(`^not found: .*${missing.digest}`), /check the digest/);
});

test("failures: a registry that does not run", async (context) => {
  const { project } = await setting(context);
  // A port that no test is ever given; one that a registry had may have been given to another by now.
  const host = "localhost:1";
  const tool = toolTarget(`${host}/tools`, `sha256:${"0".repeat(64)}`, 3);
  project.write("stopped/BUCK", load + tool.target("tool"));
  const built = await project.build(["//stopped:tool"]);
  expectFailure(
    built,
    "REGISTRY_UNAVAILABLE",
    new RegExp(`${host}: connection refused`),
    new RegExp(`check that ${host} runs, and its port`),
  );
  // Buck2 ran it here.
  expect(built.stderr).not.toContain("remote execution worker");
});

test("failures: a machine without node", async (context) => {
  const { project, registry } = await setting(context);
  const tool = await publishTool(`${registry.host}/without-node`);
  project.write("without-node/BUCK", load + tool.target("tool"));
  // The daemon needs git for the external cell.
  const bin = temporaryFolder();
  symlinkSync(findProgram("git") ?? "", join(bin, "git"));
  const options = { env: { PATH: bin }, isolationDir: "without-node" };
  const built = await project.build(["//without-node:tool"], options);
  expectFailure(built, "NODE_NOT_FOUND", /^Node.js not found/, /install Node.js 20.19 or newer/);
});

test("failures: a node that is too old", async (context) => {
  const old = requireNode(context, "18");
  const { project, registry } = await setting(context);
  const tool = await publishTool(`${registry.host}/old-node`);
  project.write("old-node/BUCK", load + tool.target("tool"));
  const options = { env: { PATH: `${dirname(old)}:${process.env.PATH}` }, isolationDir: "old-node" };
  const built = await project.build(["//old-node:tool"], options);
  expectFailure(built, "NODE_UNSUPPORTED", /^Node\.js 18\..* is too old/, /install Node\.js 20\.19 or newer/);
});

test("failures: only `error[CODE]: ` begins a report of ours", async (context) => {
  const { project } = await setting(context);
  const lines = [
    "error[",
    "error[E0425 no end",
    "error[lower]: x",
    "  hint: nobody's",
    "error[BLOB_X]: ours",
    "  hint: do it",
  ];
  project.write(
    "shouts/rule.bzl",
    `load("@oras//rules:errors.bzl", "oras_error_handler")

def _impl(ctx):
    out = ctx.actions.declare_output("out")
    script = """printf '%s\\\\n' ${lines.map((line) => `"${line}"`).join(" ")} >&2; exit 1"""
    ctx.actions.run(["sh", "-c", script, cmd_args(out.as_output())], category = "shout", error_handler = oras_error_handler)
    return [DefaultInfo(default_output = out)]

shout = rule(impl = _impl, attrs = {})
`,
  );
  project.write("shouts/BUCK", `load(":rule.bzl", "shout")\nshout(name = "shout")\n`);
  const built = await project.build(["//shouts:shout"]);
  expect(built.subErrors).toEqual([{ category: "BLOB_X", message: "ours", remediation: "do it" }]);
});
