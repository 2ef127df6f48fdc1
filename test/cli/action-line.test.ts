/** The command line of build actions is read without Commander; what Commander would say stays the same. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readBlobLine } from "../../src/cli/action-line.ts";
import { layoutProject, linuxTool, sha256 } from "../support/layout-project.ts";
import { startServer } from "../support/registry/server.ts";

const reference = `oci:layout@${sha256(linuxTool)}`;
const manifest = `--manifest=${sha256("a manifest")}`;
const size = `--size=${linuxTool.length}`;

describe("the line of the rules", () => {
  test("is read", () => {
    const read = {
      reference,
      size: linuxTool.length,
      manifest: undefined,
      output: "out/a=b\nc",
      executable: undefined,
    };
    expect(readBlobLine(["blob", reference, size, "--output=out/a=b\nc"])).toEqual(read);
    expect(readBlobLine(["blob", reference, size, "--output=out/a=b\nc", "--executable"])).toEqual({
      ...read,
      executable: true,
    });
    expect(readBlobLine(["blob", reference, size, "--output=out/a=b\nc", "--no-executable"])).toEqual({
      ...read,
      executable: false,
    });
    expect(readBlobLine(["blob", reference, size, manifest, "--output=out/a=b\nc"])).toEqual({
      ...read,
      manifest: sha256("a manifest"),
    });
  });

  test.for([
    [],
    ["blob"],
    ["blob", reference],
    ["blob", reference, size],
    ["blob", reference, size, "--output="],
    ["blob", reference, size, "--output"],
    ["blob", reference, size, "--output", "out"],
    ["blob", reference, size, "-o", "out"],
    ["blob", reference, "--size=1e3", "--output=out"],
    ["blob", reference, "--size=-1", "--output=out"],
    ["blob", reference, "--size=9999999999999999", "--output=out"],
    ["blob", reference, size, size, "--output=out"],
    ["blob", reference, size, "--output=out", "--executable=yes"],
    ["blob", reference, size, "--output=out", "--no-executable=yes"],
    ["blob", reference, size, "--output=out", "--executable", "--no-executable"],
    ["blob", reference, size, "--output=out", "--no-size=1"],
    ["blob", reference, size, manifest, manifest, "--output=out"],
    ["blob", reference, size, "--manifest", "--output=out"],
    ["blob", reference, size, "--manifest=1.0", "--output=out"],
    ["blob", reference, size, `${manifest}0`, "--output=out"],
    ["blob", reference, size, "--output=out", "--json"],
    ["blob", reference, size, "--output=out", "--timeout=3"],
    ["blob", reference, size, "--output=out", "--help"],
    ["blob", reference, size, "--output=out", "--"],
    ["blob", reference, size, "--output=out", "more"],
    ["blob", size, reference, "--output=out"],
    ["blob", "", size, "--output=out"],
    ["--quiet", "blob", reference, size, "--output=out"],
    ["extract", reference, size, "--output=out"],
  ])("%j is left to Commander", (line) => {
    expect(readBlobLine(line)).toBeUndefined();
  });
});

test("both readings of a line give the same file, output and errors", async () => {
  const project = await layoutProject();
  await project.oras(["blob", reference, size, "--output=first"]);
  const lines = [
    [reference, size],
    [reference, size, "--executable"],
    [reference, size, "--no-executable"],
    [reference, size, manifest],
    [reference, size, "--manifest=1.0"],
    [reference, "--size=3"],
    [`oci:layout@sha256:${"0".repeat(64)}`, size],
    ["oci:layout:1.0", size],
    ["no reference", size],
  ];
  for (const line of lines) {
    const plain = await project.oras(["blob", ...line, "--output=out/tool"]);
    const found = plain.exitCode === 0 ? statSync(join(project.dir, "out/tool")) : undefined;
    const byCommander = await project.oras(["blob", ...line, "-o", "out/tool"]);
    expect(byCommander, line.join(" ")).toEqual(plain);
    if (found === undefined) continue;
    expect(readFileSync(join(project.dir, "out/tool"), "utf8")).toBe(linuxTool);
    expect(statSync(join(project.dir, "out/tool")).mode).toBe(found.mode);
  }
  const missing = await project.oras(["blob", reference, "--output=out/tool"]);
  expect(missing).toMatchObject({ exitCode: 64 });
  expect(missing.stderr).toContain("--size");
});

test("a refusal on a remote execution worker says that the worker's login counts", async () => {
  const registry = await startServer((_request, response) => response.writeHead(401).end());
  const line = ["blob", `${registry.host}/t/tool@${sha256(linuxTool)}`, size, "--output=out"];
  const where = /hint: log in with .*; a remote execution worker ran this action: the login, /;
  const project = await layoutProject();
  const worker = { BUCK_SCRATCH_PATH: "buck-out/v2/tmp" };
  const refused = await project.oras(line, { env: worker });
  expect(refused).toMatchObject({ exitCode: 77, stderr: expect.stringMatching(where) });
  // Buck2 names the build to the actions that it starts on this machine. Nothing of both is set in a terminal.
  for (const env of [{ ...worker, BUCK_BUILD_ID: "1" }, {}]) {
    expect(await project.oras(line, { env })).toMatchObject({ stderr: expect.not.stringContaining("worker") });
  }
  const other = await project.oras(["blob", "no reference", size, "--output=out"], { env: worker });
  expect(other).toMatchObject({ exitCode: 64, stderr: expect.not.stringContaining("worker") });
});
