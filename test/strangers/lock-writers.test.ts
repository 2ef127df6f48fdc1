import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { layoutProject } from "../support/layout-project.ts";
import { add, claimName, leftovers, lockName, lockOf, toolsOf } from "../support/lock-of-project.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import { succeeding } from "../support/succeeding.ts";

/** A registry that answers when as many processes have asked for the manifest: all of them have read the lock by then. */
async function registryForAll(count: number): Promise<string> {
  const serve = serveTool("bytes");
  const waiting: (() => void)[] = [];
  const { host } = await startServer((request, response, server) => {
    const answer = (): void => serve(request, response, server);
    if (!request.url.includes("/manifests/")) return answer();
    if (waiting.push(answer) === count) for (const one of waiting) one();
  });
  return `${host}/t/tool:1`;
}

describe("writers at once", () => {
  test.each([5, 20])("lock add: %i at once are all in the file", { timeout: 180_000 }, async (count) => {
    const project = await layoutProject();
    const reference = await registryForAll(count);
    const names = Array.from({ length: count }, (_, index) => `tool-${index}`);
    await Promise.all(names.map((name) => succeeding(project.oras(["lock", "add", name, reference]))));
    expect(toolsOf(project)).toEqual(names.toSorted());
    expect(leftovers(project)).toEqual([]);
    expect((await project.oras(["lock", "check"])).exitCode).toBe(0);
  });

  test("lock add and lock update: what both changed is in the file", { timeout: 180_000 }, async () => {
    const project = await layoutProject();
    for (const name of ["a", "b"]) await add(project, name);
    await succeeding(project.oras(["push", "oci:layout:1.0", "linux-x86_64/tool"]));
    const names = ["c", "d", "e", "f"];
    const updates = [["a"], ["b"]].map((one) => succeeding(project.oras(["lock", "update", ...one])));
    await Promise.all([...updates, ...names.map((name) => add(project, name))]);
    expect(toolsOf(project)).toEqual(["a", "b", ...names]);
    for (const { platforms } of Object.values(lockOf(project).tools) as unknown as { platforms: object }[]) {
      expect(Object.keys(platforms)).toEqual(["any"]);
    }
  });
});

/** A registry that has the lock changed by somebody else while the tool's bytes are on their way. */
async function registryThat(change: () => void): Promise<string> {
  const { host } = await startServer(
    serveTool("bytes", (_, response) => {
      change();
      response.end("bytes");
    }),
  );
  return `${host}/t/tool:1`;
}

describe("the same tool, changed meanwhile", () => {
  test("what a killed writer staged is removed by the next one, and nothing else", async () => {
    const project = await layoutProject();
    await add(project, "one");
    const stem = `.${lockName}.${createHash("sha256").update(lockName).digest("hex").slice(0, 8)}.buck2-oras-`;
    writeFileSync(join(project.dir, `${stem}0123456789ab`), "half of a lo");
    // A date is made of hex digits, too.
    const others = [`${stem}0123456789abc`, `${stem}mine`, `.${lockName}.202611260712`, `.x${stem}0123456789ab`];
    for (const name of others) writeFileSync(join(project.dir, name), "");
    mkdirSync(join(project.dir, `${stem}ba9876543210`, "x"), { recursive: true });
    symlinkSync(lockName, join(project.dir, `${stem}ffffffffffff`));
    await add(project, "two");
    const kept = [...others, `${stem}ba9876543210`, `${stem}ffffffffffff`];
    expect(leftovers(project).toSorted()).toEqual(kept.toSorted());
    expect(toolsOf(project)).toEqual(["one", "two"]);
  });

  test("lock add: the last one wins, and says what it replaced", async () => {
    const project = await layoutProject();
    await add(project, "other");
    const file = join(project.dir, lockName);
    const reference = await registryThat(() => {
      writeFileSync(file, readFileSync(file, "utf8").replace('"other"', '"tool"'));
    });
    const added = await project.oras(["lock", "add", "tool", reference]);
    expect(added.exitCode, added.stderr).toBe(0);
    expect(added.stderr).toMatch(/warning: another process locked tool .* oci:layout:1\.0 was replaced/);
    expect(lockOf(project).tools).toMatchObject({ tool: { reference } });
    expect(toolsOf(project)).toEqual(["tool"]);
  });

  test("lock update: a tool that got another reference, or was removed, is left so", async () => {
    const project = await layoutProject();
    const file = join(project.dir, lockName);
    await add(project, "kept");
    const alone = readFileSync(file, "utf8");
    let change = (): void => {};
    const reference = await registryThat(() => change());
    await succeeding(project.oras(["lock", "add", "tool", reference]));
    rmSync(project.cacheDir, { recursive: true });
    change = () => writeFileSync(file, alone);
    const updated = await project.oras(["lock", "update", "tool"]);
    expect(updated.exitCode, updated.stderr).toBe(0);
    expect(updated.stderr).toContain("warning: another process changed tool");
    expect(readFileSync(file, "utf8")).toBe(alone);
  });
});

describe("a claim that somebody left", () => {
  test("by a process that was killed: it is taken away within seconds", async () => {
    const project = await layoutProject();
    writeFileSync(join(project.dir, claimName), "left");
    await Promise.all(["a", "b", "c"].map((name) => add(project, name)));
    expect(toolsOf(project)).toEqual(["a", "b", "c"]);
    expect(leftovers(project)).toEqual([]);
  });

  test("a folder or a link in its place: an error that names it, and neither is touched", async () => {
    const project = await layoutProject();
    const claim = join(project.dir, claimName);
    mkdirSync(claim);
    writeFileSync(join(claim, "theirs"), "");
    const ran = await project.oras(["lock", "add", "a", "oci:layout:1.0"]);
    expect(ran.exitCode).toBe(75);
    expect(ran.stderr).toMatch(/error\[LOCK_BUSY\][\s\S]*\.oras\.lock\.json\.lock[\s\S]*hint: make sure/);
    expect(readdirSync(claim)).toEqual(["theirs"]);
    rmSync(claim, { recursive: true });
    symlinkSync("linux-x86_64/tool", claim);
    expect((await project.oras(["lock", "add", "a", "oci:layout:1.0"])).exitCode).toBe(75);
    expect(lstatSync(claim).isSymbolicLink()).toBe(true);
  });
});
