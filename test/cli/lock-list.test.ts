/** The lock that commands find, and what a person reads of it. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { jsonSchemas } from "../../src/cli/schemas.ts";
import { platformFromNode } from "../../src/model/platform.ts";
import { type LayoutProject, layoutProject } from "../support/layout-project.ts";

/** A project with a marker in its root, and a folder two levels below. */
async function markedProject(): Promise<LayoutProject & { readonly deep: string }> {
  const project = await layoutProject();
  writeFileSync(join(project.dir, ".buckconfig"), "");
  const deep = join(project.dir, "a", "b");
  mkdirSync(deep, { recursive: true });
  return { ...project, deep };
}

const isLocked = ["linux-x86_64", "darwin-arm64"].includes(platformFromNode(process.platform, process.arch));

describe("the lock without --lock", () => {
  test("lock add: in a subfolder, the lock of the project's root, and the lines for BUCK once", async () => {
    const project = await markedProject();
    const added = await project.oras(["lock", "add", "tool", "oci:../../layout:1.0"], { cwd: project.deep });
    expect(added.exitCode, added.stderr).toBe(0);
    expect(existsSync(join(project.deep, "oras.lock.json"))).toBe(false);
    expect(readFileSync(join(project.dir, "oras.lock.json"), "utf8")).toContain('"oci:layout:1.0"');
    expect(added.stderr).toContain(`Lock: ${join("..", "..", "oras.lock.json")}`);
    expect(added.stderr).toContain('load("//:oras.lock.json", lock = "value")');
    expect(added.stderr).toContain('oras_tool(name = "tool", lock = lock, layout = "layout", visibility = ["PUBLIC"])');
    const second = await project.oras(["lock", "add", "other", "oci:../../layout:1.0"], { cwd: project.deep });
    expect(second.stderr).toContain("Lock: ");
    expect(second.stderr).not.toContain("load(");
  });

  test("the nearest lock counts, and a folder above the project does not", async () => {
    const project = await markedProject();
    const inner = join(project.dir, "a");
    await project.oras(["lock", "add", "inner", "oci:../layout:1.0", "--lock", "oras.lock.json"], { cwd: inner });
    await project.oras(["lock", "add", "outer", "oci:layout:1.0"]);
    const near = await project.oras(["lock", "list"], { cwd: project.deep });
    expect(near.stdout).toMatch(/^inner +1\.0/);
    writeFileSync(join(project.deep, ".buckroot"), "");
    const alone = await project.oras(["list", "--json"], { cwd: project.deep });
    expect(JSON.parse(alone.stdout)).toEqual({ lock: "oras.lock.json", tools: [] });
  });

  test("a locked tool's name in the place of a reference is answered with the commands that take it", async () => {
    const project = await layoutProject();
    await project.oras(["lock", "add", "tool", "oci:layout:1.0"]);
    for (const command of ["pull", "info", "doctor", "list"]) {
      const ran = await project.oras([command, "tool"]);
      expect(ran.exitCode).toBe(64);
      expect(ran.stderr).toContain(`tool is a tool of oras.lock.json, and \`${command}\` takes a reference`);
      expect(ran.stderr.replaceAll(/\s+/g, " ")).toContain(
        "hint: take `buck2-oras run tool` or `buck2-oras which tool`",
      );
      expect((await project.oras([command, "other"])).stderr).toContain("names no registry, and no default registry");
    }
  });

  test("lock update, check and remove find it as well", async () => {
    const project = await markedProject();
    await project.oras(["lock", "add", "tool", "oci:layout:1.0"]);
    const lock = join("..", "..", "oras.lock.json");
    const updated = await project.oras(["lock", "update", "--json"], { cwd: project.deep });
    expect(JSON.parse(updated.stdout)).toMatchObject({ lock, tools: [{ tool: "tool" }] });
    expect((await project.oras(["lock", "check"], { cwd: project.deep })).stdout).toContain(`${lock} is well-formed`);
    const unknown = await project.oras(["lock", "remove", "tool", "other"], { cwd: project.deep });
    expect(unknown.exitCode).toBe(64);
    expect(unknown.stderr).toMatch(/no tool "other"[\s\S]*choose a tool of the lock: tool/);
    const removed = await project.oras(["lock", "rm", "tool", "--json"], { cwd: project.deep });
    expect(v.parse(v.strictObject(jsonSchemas["lock-remove"].entries), JSON.parse(removed.stdout))).toEqual({
      lock,
      removed: ["tool"],
    });
    expect((await project.oras(["lock", "check"])).stdout).toContain("0 tools");
    await project.oras(["lock", "add", "tool", "oci:layout:1.0"]);
    const shown = await project.oras(["lock", "remove", "tool"]);
    expect(shown.stdout).toBe("tool  removed\n");
    expect(shown.stderr).toContain("Remove its `oras_tool` from your BUCK files as well\n");
  });
});

describe("list without a repository", () => {
  test.skipIf(!isLocked)("shows the locked tools, and whether this machine has their files", async () => {
    const project = await markedProject();
    await project.oras(["lock", "add", "tool", "oci:layout:1.0"]);
    const row = (state: string) =>
      new RegExp(`^tool {2}1\\.0 {2}\\d+ B {2}${state} {2}darwin-arm64, linux-x86_64 {2}oci:layout:1\\.0\\n$`);
    const cached = await project.oras(["list"], { cwd: project.deep });
    expect(cached.exitCode, cached.stderr).toBe(0);
    expect(cached.stdout).toMatch(row("cached"));
    await project.oras(["clear-cache"]);
    expect((await project.oras(["lock", "ls"])).stdout).toMatch(row("not cached"));
    const json = JSON.parse((await project.oras(["ls", "--json"])).stdout);
    expect(v.parse(v.strictObject(jsonSchemas["lock-list"].entries), json)).toEqual({
      lock: "oras.lock.json",
      tools: [
        {
          tool: "tool",
          reference: "oci:layout:1.0",
          version: "1.0",
          platforms: ["darwin-arm64", "linux-x86_64"],
          size: expect.any(Number),
          cached: false,
        },
      ],
    });
  });

  test("where nothing is locked: exit 0, and the line that locks the first tool", async () => {
    const project = await markedProject();
    const listed = await project.oras(["list"]);
    expect(listed).toMatchObject({ exitCode: 0, stdout: "" });
    expect(listed.stderr).toContain("buck2-oras lock add NAME HOST/REPOSITORY:TAG");
    for (const command of [["list"], ["lock", "list"]]) {
      const typed = await project.oras([...command, "--lock", "typo.json"]);
      expect(typed).toMatchObject({ exitCode: 78, stdout: "" });
      expect(typed.stderr).toContain("error[LOCK_INVALID]: lock file not found: typo.json");
    }
    expect((await project.oras(["list", "oci:layout"])).stdout).toBe("1.0\n");
    expect((await project.oras(["list", "oci:layout", "--lock", "x"])).exitCode).toBe(64);
  });

  test("the version of a template is its tag without the platform", async () => {
    const project = await markedProject();
    await project.oras(["push", "oci:layout:2.0-linux-x86_64", "linux-x86_64/tool"]);
    await project.oras(["lock", "add", "tool", "oci:layout:2.0-{platform}"]);
    expect(JSON.parse((await project.oras(["list", "--json"])).stdout).tools).toMatchObject([{ version: "2.0" }]);
  });
});

test("completion: the locked names after `lock update` and `lock remove`, and none of a broken lock", async () => {
  const project = await markedProject();
  for (const name of ["protoc", "buf"]) await project.oras(["lock", "add", name, "oci:layout:1.0"]);
  const offered = async (...words: readonly string[]): Promise<string> =>
    (await project.oras(["complete", "--", ...words], { cwd: project.deep })).stdout;
  expect(await offered("lock", "update", "")).toMatch(/^buf\t\nprotoc\t\n:/);
  expect(await offered("lock", "update", "--only", "")).toMatch(/^buf\t\nprotoc\t\n:/);
  expect(await offered("lock", "remove", "pr")).toMatch(/^protoc\t\n:/);
  expect(await offered("lock", "add", "")).toMatch(/^:/);
  writeFileSync(join(project.dir, "oras.lock.json"), "{");
  expect(await offered("lock", "update", "")).toMatch(/^:/);
});
