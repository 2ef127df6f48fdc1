/** The command line of build actions is read without Commander; what Commander would say stays the same. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readBlobLine } from "../../src/cli/action-line.ts";
import { layoutProject, linuxTool, sha256 } from "../support/layout-project.ts";

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
