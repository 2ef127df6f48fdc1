/** Whoever wrote a package: it comes into a folder of the user's that has things in it. */
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { rawTar } from "../archive/raw-tar.ts";
import { oras } from "../support/executable.ts";
import { sha256 } from "../support/layout-project.ts";
import { publishedProject } from "../support/published-layers.ts";

describe("files that were there", () => {
  test("pull: what is replaced is said in one line, and nothing where nothing changes", async () => {
    const { dir, pull } = publishedProject([
      { title: "Makefile", body: "new" },
      { title: "sub/tool", body: "tool" },
    ]);
    writeFileSync(join(dir, "home/Makefile"), "mine");
    const first = await pull("-o", ".");
    expect(first.exitCode, first.stderr).toBe(0);
    expect(first.stderr).toContain("warning: replaced an existing file: Makefile\n");
    expect(readFileSync(join(dir, "home/Makefile"), "utf8")).toBe("new");
    const before = statSync(join(dir, "home/Makefile"));
    const again = await pull("-o", ".");
    expect(again.exitCode, again.stderr).toBe(0);
    expect(again.stderr).not.toContain("replaced");
    const { ino, ctimeMs } = statSync(join(dir, "home/Makefile"));
    expect([ino, ctimeMs]).toEqual([before.ino, before.ctimeMs]);
  });

  test("pull --extract: the same, of the files of an archive", async () => {
    const names = ["a", "b", "c", "d", "e", "f", "g"];
    const body = rawTar(...names.map((name) => ({ name, body: `new ${name}` })));
    const { dir, pull } = publishedProject([{ title: "tool.tar", body }]);
    for (const name of names) writeFileSync(join(dir, "home", name), name === "b" ? "new b" : "old");
    const first = await pull("-o", ".", "--extract");
    expect(first.exitCode, first.stderr).toBe(0);
    expect(first.stderr).toContain("warning: replaced 6 existing files: a, c, d, e, f, …\n");
    const again = await pull("-o", ".", "--extract");
    expect(again).toMatchObject({ exitCode: 0 });
    expect(again.stderr).not.toContain("replaced");
  });

  test("a folder in the place of a file stays, and is said to be in the way", async () => {
    for (const extract of [[], ["--extract"]]) {
      const body = rawTar({ name: "src", body: "a file" });
      const { dir, pull } = publishedProject([{ title: extract.length === 0 ? "src" : "tool.tar", body }]);
      mkdirSync(join(dir, "home/src/deep"), { recursive: true });
      const ran = await pull("-o", ".", ...extract);
      expect(ran.exitCode, ran.stderr).toBe(74);
      expect(ran.stderr).toMatch(/src/);
      expect(statSync(join(dir, "home/src/deep")).isDirectory()).toBe(true);
    }
  });
});

describe("links of a checkout", () => {
  const body = "#!/bin/sh\n";
  const digest = sha256(body);

  function checkout(): { cwd: string; outside: string; run: (...args: string[]) => ReturnType<typeof oras> } {
    const { dir } = publishedProject([{ title: "pre-push", body }]);
    const cwd = join(dir, "home");
    mkdirSync(join(dir, "outside"));
    for (const folder of ["sub", ".jj/new"]) mkdirSync(join(cwd, folder), { recursive: true });
    symlinkSync(".git/hooks", join(cwd, "hookdir"));
    symlinkSync(".git", join(cwd, "meta"));
    symlinkSync("../.jj", join(cwd, "sub/link"));
    symlinkSync("../outside", join(cwd, "outlink"));
    writeFileSync(join(cwd, ".buckroot"), "");
    writeFileSync(join(cwd, "hooks.tar"), rawTar({ name: "hooks/pre-push", body }));
    writeFileSync(join(cwd, "one.gz"), gzipSync(body));
    const cache = ["--cache-dir", "../cache"];
    return { cwd, outside: join(dir, "outside"), run: (...args) => oras([...args, ...cache], { cwd }) };
  }

  const pull = ["pull", "oci:../layout:1", "-o"];
  const blob = ["blob", `oci:../layout@${digest}`, "--size", String(body.length), "--executable", "-o"];
  const extract = ["extract", "hooks.tar", "-o"];
  const single = ["extract", "one.gz", "--single", "--executable", "-o"];

  const ledAstray = [
    [...pull, "hookdir"],
    [...pull, "meta/hooks"],
    [...pull, "sub/link/new/deep"],
    [...blob, "hookdir/pre-push"],
    [...blob, "hookdir/../pre-push"],
    [...blob, "meta/new/pre-push"],
    [...extract, "meta"],
    [...extract, "sub/link"],
    [...single, "hookdir/pre-push"],
    [...single, "meta/hooks/pre-push"],
  ].map((args) => ({ args, title: `${args[0]} -o ${args.at(-1)}` }));

  test.each(ledAstray)("$title: no link leads an output into a folder of version control", async ({ args }) => {
    const { cwd, run } = checkout();
    const ran = await run(...args);
    expect(readdirSync(join(cwd, ".git"))).toEqual(["hooks"]);
    expect(readdirSync(join(cwd, ".git/hooks"))).toEqual([]);
    expect(readdirSync(join(cwd, ".jj/new"))).toEqual([]);
    // What `..` behind a link means is told by the text alone.
    if (args.at(-1) === "hookdir/../pre-push") {
      expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
      expect(readFileSync(join(cwd, "pre-push"), "utf8")).toBe(body);
      return;
    }
    expect(ran.exitCode, ran.stderr).toBe(74);
    expect(ran.stderr).toMatch(/LOCAL_IO\]: .* leads to .*version control[\s\S]*hint: name that folder itself/);
  });

  test("whoever names a folder of version control himself writes there", async () => {
    const { cwd, run } = checkout();
    for (const args of [
      [...pull, ".git/hooks"],
      [...blob, ".git/hooks/post-merge"],
      [...extract, ".git"],
      [...single, join(cwd, ".git/hooks/update")],
    ]) {
      const ran = await run(...args);
      expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
    }
    expect(readdirSync(join(cwd, ".git/hooks")).sort()).toEqual(["post-merge", "pre-push", "update"]);
  });

  test("pull: an output that a link leads out of the project is told", async () => {
    const { outside, run } = checkout();
    for (const output of ["outlink", "outlink/sub"]) {
      const ran = await run(...pull, output);
      expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
      expect(ran.stderr).toContain(
        `warning: "${output}" leads to "${output.replace("outlink", outside)}", which is not in the project\n`,
      );
    }
    // Whoever says where it is knows.
    for (const output of [outside, "../outside", "inside"]) {
      const ran = await run(...pull, output);
      expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
      expect(ran.stderr).not.toContain("warning");
    }
  });

  test("blob, extract: a build folder that is a link to another disk is written to without a word", async () => {
    const { outside, run } = checkout();
    for (const args of [
      [...blob, "outlink/gen/tool"],
      [...extract, "outlink/gen/tools"],
    ]) {
      const ran = await run(...args);
      expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
      expect(ran.stderr).not.toContain("warning");
    }
    expect(readdirSync(join(outside, "gen")).sort()).toEqual(["tool", "tools"]);
  });
});

test("folders that are made have one mode, under a umask of 000 as well", async () => {
  const { dir, pull } = publishedProject([{ title: "tool", body: "tool" }]);
  const cwd = join(dir, "home");
  writeFileSync(join(dir, "tool.tar"), rawTar({ name: "tool", body: "tool" }));
  const digest = sha256("tool");
  const before = process.umask(0);
  try {
    for (const ran of [
      await pull("-o", "pulled/sub"),
      await oras(["extract", "../tool.tar", "-o", "extracted/sub"], { cwd }),
      await oras(["blob", `oci:../layout@${digest}`, "--size", "4", "-o", "blob/sub/tool", "--cache-dir", "../cache"], {
        cwd,
      }),
      await oras(["copy", "oci:../layout:1", "oci:copied/sub:1", "--cache-dir", "../cache"], { cwd }),
    ]) {
      expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
    }
  } finally {
    process.umask(before);
  }
  const made = ["pulled", "pulled/sub", "extracted", "extracted/sub", "blob", "blob/sub", "copied", "copied/sub/blobs"];
  for (const path of made)
    expect(`${path} ${(statSync(join(cwd, path)).mode & 0o777).toString(8)}`).toBe(`${path} 755`);
});
