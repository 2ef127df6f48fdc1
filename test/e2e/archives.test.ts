/** Archives as publishers pack them, locked and run by a build. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { requireBuck2, shared } from "../support/buck2.ts";
import { layOutProject } from "../support/consumer.ts";
import { oras } from "../support/executable.ts";
import { requireProgram } from "../support/peers.ts";
import { succeeding } from "../support/succeeding.ts";

const toolchain = `load("@oras//rules:defs.bzl", "oras_toolchain")
oras_toolchain(name = "oras", visibility = ["PUBLIC"])
`;

const setting = shared(
  (context) => requireBuck2(context),
  async (buck2) => layOutProject(buck2, { files: { "toolchains/BUCK": toolchain } }),
);

test("archives: the named file of a tar.xz, of a folder pushed as `.`, and of several layers runs", async (context) => {
  const project = await setting(context);
  const program = requireProgram(context, "oras");
  requireProgram(context, "xz");
  const folder = join(project.dir, "archives");
  const made = join(folder, "made");
  mkdirSync(made, { recursive: true });
  for (const name of ["one", "two"]) writeFileSync(join(made, name), `#!/bin/sh\necho ${name}\n`, { mode: 0o755 });
  execFileSync("tar", ["-cJf", "tool.tar.xz", "made"], { cwd: folder });
  await succeeding(oras(["push", "oci:oci:xz", "tool.tar.xz"], { cwd: folder }));
  const push = (...args: readonly string[]) => execFileSync(program, ["push", ...args], { cwd: made, stdio: "pipe" });
  push("--oci-layout", "../oci:dot", ".");
  push("--oci-layout", "../oci:layers", "one", "two");
  for (const tag of ["xz", "dot", "layers"]) {
    const lock = ["lock", "add", tag, `oci:oci:${tag}`, "--executable", "two", "--lock", "oras.lock.json"];
    await succeeding(oras(lock, { cwd: folder }));
  }
  const targets = ["xz", "dot", "layers"].map((tag) => `oras_tool(name = "${tag}", layout = "oci", lock = lock)\n`);
  const load = 'load("@oras//rules:defs.bzl", "oras_tool")\nload(":oras.lock.json", lock = "value")\n';
  project.write("archives/BUCK", load + targets.join(""));
  for (const tag of ["xz", "dot", "layers"]) {
    const ran = await project.buck2(["run", `//archives:${tag}`]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stdout).toBe("two\n");
  }
});
