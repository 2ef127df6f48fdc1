/** `init`, the build files: targets of the toolchain and of the locked tools. */
import { chmodSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Lock } from "../../src/lockfile/schema.ts";
import { withAddition } from "../../src/project/build-file.ts";
import { unifiedDiff } from "../../src/project/diff.ts";
import { lockOf, minimal, planOf, projectOf, textAfter, write } from "../support/init-plan.ts";

describe("init, build files", () => {
  test("a load goes above the first statement, a target to the end; nothing else moves", () => {
    const addition = { loads: ['load("@a//:b.bzl", "c")'], targets: ["t()"] };
    expect(withAddition("# licence\n\nload('x', 'y')\n\nz()", addition)).toBe(
      "# licence\n\nload(\"@a//:b.bzl\", \"c\")\nload('x', 'y')\n\nz()\n\nt()\n",
    );
    expect(withAddition('"""Doc\nload(\n"""\nz()\n\n', addition)).toBe(
      '"""Doc\nload(\n"""\nz()\n\nload("@a//:b.bzl", "c")\n\nt()\n',
    );
    expect(withAddition("z()\n", addition)).toBe('load("@a//:b.bzl", "c")\n\nz()\n\nt()\n');
    expect(withAddition("", addition)).toBe('load("@a//:b.bzl", "c")\n\nt()\n');
    expect(withAddition("# only\n", addition)).toBe('# only\n\nload("@a//:b.bzl", "c")\n\nt()\n');
  });

  test("the build file is the one that Buck2 reads: `BUCK.v2` before `BUCK`, and another name of the cell", async () => {
    const root = projectOf({
      ".buckconfig": `${minimal}[buildfile]\nname = TARGETS, BUILD\n`,
      "toolchains/BUCK": "",
      "toolchains/BUCK.v2": "# v2\n",
      "tools/BUILD": "# build\n",
    });
    const plan = await planOf(root);
    expect(plan.changes.map(({ name }) => name)).toEqual([".buckconfig", "toolchains/BUCK.v2", "tools/BUILD"]);
    const own = { "toolchains/.buckconfig": "[buildfile]\nname_v2 = MINE\n" };
    const other = await planOf(projectOf({ ".buckconfig": minimal, ...own }));
    expect(other.changes.map(({ name }) => name)).toContain("toolchains/MINE");
  });

  test("each locked tool gets a target once; a later call adds the new ones", async () => {
    const root = projectOf({ ".buckconfig": minimal });
    write(await planOf(root, { lock: lockOf("protoc") }));
    expect(readFileSync(join(root, "tools/BUCK"), "utf8")).toBe(`load("@oras//rules:defs.bzl", "oras_tool")
load("//:oras.lock.json", lock = "value")

alias(
    name = "oras",
    actual = "oras//tools:oras",
    visibility = ["PUBLIC"],
)

oras_tool(
    name = "protoc",
    lock = lock,
    visibility = ["PUBLIC"],
)
`);
    expect((await planOf(root, { lock: lockOf("protoc") })).changes).toEqual([]);
    const later = textAfter(await planOf(root, { lock: lockOf("buf", "protoc") }), "tools/BUCK") ?? "";
    expect(later.match(/name = "(?:protoc|buf)"/g)).toEqual(['name = "protoc"', 'name = "buf"']);
    expect(later.match(/^load/gm)).toHaveLength(2);
  });

  test("a file's own name `lock` is not taken, a commented target does not count", async () => {
    const root = projectOf({ ".buckconfig": minimal, "tools/BUCK": '# name = "protoc"\nlock = 1\n' });
    const text = textAfter(await planOf(root, { lock: lockOf("protoc") }), "tools/BUCK") ?? "";
    expect(text).toContain('oras_lock = "value"');
    expect(text).toContain("lock = oras_lock,");
  });

  test("a link, a read-only file, a folder, and a cell that leads out are left to the user", async () => {
    const target = join(projectOf({ BUCK: "" }), "BUCK");
    const obstacles: Record<string, (path: string) => void> = {
      "is a link": (path) => symlinkSync(join(dirname(path), "../real"), path),
      "is read-only": (path) => {
        writeFileSync(path, "");
        chmodSync(path, 0o444);
      },
      "is not a regular file": (path) => mkdirSync(path),
      "leads out of the project": (path) => symlinkSync(target, path),
      "larger than 1 MiB": (path) => writeFileSync(path, "\n".repeat(1024 * 1024 + 1)),
      "is not UTF-8": (path) => writeFileSync(path, Buffer.from([0xff, 0xfe, 0])),
    };
    for (const [why, make] of Object.entries(obstacles)) {
      const root = projectOf({ ".buckconfig": minimal, real: "" });
      mkdirSync(join(root, "tools"));
      make(join(root, "tools/BUCK"));
      const plan = await planOf(root);
      expect(textAfter(plan, "tools/BUCK"), why).toBeUndefined();
      expect(plan.byHand[0]?.why).toContain(why);
      expect(plan.byHand[0]).toMatchObject({ file: "tools/BUCK", isNeeded: true });
      expect(plan.byHand[0]?.lines).toContain('    name = "oras",');
    }
    const away = await planOf(projectOf({ ".buckconfig": minimal.replace("= toolchains", "= ../elsewhere") }));
    expect(away.byHand[0]).toMatchObject({ why: expect.stringContaining("leads out of the project") });
    expect(lstatSync(target).size).toBe(0);
  });

  test("a project without the prelude gets the cell, and the rest to read", async () => {
    const plan = await planOf(projectOf({ ".buckconfig": "[cells]\nroot = .\n" }));
    expect(plan.changes.map(({ name }) => name)).toEqual([".buckconfig"]);
    expect(plan.byHand.map(({ why }) => why)).toEqual([
      expect.stringContaining("no prelude"),
      expect.stringContaining("no prelude"),
    ]);
  });

  test("a tool from a layout folder is left to the user", async () => {
    const lock = lockOf("protoc");
    const layer = { repository: "oci:layout", manifest: `sha256:${"0".repeat(64)}`, layers: [] } as never;
    const tool = { reference: "oci:layout:1", platforms: { any: layer } };
    const plan = await planOf(projectOf({ ".buckconfig": minimal }), { lock: { ...lock, tools: { protoc: tool } } });
    expect(plan.byHand[0]).toMatchObject({ lines: expect.arrayContaining(['    name = "protoc",']) });
  });
});

test("init: the diff shows added lines with three lines around them", () => {
  const before = [..."abcdefghij"].join("\n");
  const lines = unifiedDiff({ path: "/f", name: "f", before, after: `${before.replace("e", "e\nE")}\nk\n` });
  expect(lines).toEqual([..."--- a/f|+++ b/f|@@ -3,8 +3,10 @@| c| d| e|+E| f| g| h| i| j|+k".split("|")]);
});

describe("init, names that are taken", () => {
  test("another target of a tool's name, or of the alias, is left to the user, not called present", async () => {
    const text = 'export_file(name = "oras", src = "a")\nexport_file(name = "ruff", src = "b")\n';
    const root = projectOf({ ".buckconfig": minimal, "tools/BUCK": text });
    const plan = await planOf(root, { lock: lockOf("ruff") });
    const whys = plan.byHand.filter(({ isNeeded }) => isNeeded).map(({ why }) => why);
    expect(whys).toContain("another target is named oras: choose another name for this one");
    expect(whys).toContain("another target is named ruff: choose another name for this one");
    expect(plan.present.join()).not.toContain("declares the alias");
  });

  test("an alias that is taken is left to the user, until another alias leads to the executable", async () => {
    const root = projectOf({ ".buckconfig": `${minimal}[alias]\n  oras = //other:oras\n` });
    const plan = await planOf(root);
    expect(plan.byHand.filter(({ isNeeded }) => isNeeded).map(({ why }) => why)).toContain(
      "the alias oras is //other:oras and stays so: choose another name",
    );
    const other = projectOf({
      ".buckconfig": `${minimal}[alias]\n  oras = //other:oras\n  buck2_oras = oras//tools:oras\n`,
    });
    expect((await planOf(other)).byHand.map(({ why }) => why).join()).not.toContain("stays so");
  });
});

describe("init by a standalone executable", () => {
  const locked = (access: string, format = "raw"): Lock => {
    const layers = [{ format }];
    const platform = { access, layers, repository: "registry.example/t/buck2-oras" } as never;
    const tool = { reference: "registry.example/t/buck2-oras:1", platforms: { "linux-x86_64": platform } };
    return { ...lockOf("protoc"), tools: { "buck2-oras": tool, ...lockOf("protoc").tools } };
  };
  const plan = (lock: Lock | undefined, isStandalone = true) =>
    planOf(projectOf({ ".buckconfig": minimal }), { isStandalone, ...(lock === undefined ? {} : { lock }) });

  test("the toolchain runs the locked executable, which Buck2 itself fetches", async () => {
    const made = await plan(locked("https"));
    expect(textAfter(made, "toolchains/BUCK")).toContain('    cli = "root//tools:buck2-oras",\n');
    expect(textAfter(made, "tools/BUCK")).toContain(
      'oras_tool(\n    name = "buck2-oras",\n    fetch = "native",\n    lock = lock,\n',
    );
    expect(textAfter(made, "tools/BUCK")).toContain('oras_tool(\n    name = "protoc",\n    lock = lock,\n');
    expect(made.byHand).toEqual([]);
  });

  test("an executable that is not locked, or that Buck2 cannot fetch, is said, and is no obstacle", async () => {
    for (const [lock, words] of [
      [undefined, "`buck2-oras lock add buck2-oras REFERENCE`"],
      [locked("token"), "where no login is asked for"],
      [locked("https", "zstd"), "`push --compression none`"],
    ] as const) {
      const made = await plan(lock);
      expect(textAfter(made, "toolchains/BUCK")).not.toContain("cli =");
      expect(made.byHand).toMatchObject([{ why: expect.stringContaining(words), isNeeded: false }]);
    }
  });

  test("a toolchain that is there keeps its executable, and the line that changes it is said", async () => {
    const call = (cli: string) => `oras_toolchain(\n    name = "oras",\n${cli})\n`;
    const again = async (cli: string, isStandalone: boolean) => {
      const root = projectOf({ ".buckconfig": minimal, "toolchains/BUCK": call(cli) });
      const made = await planOf(root, { isStandalone, lock: locked("https") });
      expect(textAfter(made, "toolchains/BUCK")).toBeUndefined();
      return made.byHand;
    };
    const lines = ['    cli = "root//tools:buck2-oras",'];
    const why = expect.stringMatching(/For machines without Node.js: set `cli`$/);
    expect(await again("", true)).toEqual([{ file: "toolchains/BUCK", why, lines, isNeeded: false }]);
    expect(await again('    cli = "root//tools:buck2-oras",\n', true)).toEqual([]);
    expect(await again("", false)).toEqual([]);
  });

  test("the one of the rules, which Node runs, writes its own toolchain", async () => {
    const made = await plan(locked("https"), false);
    expect(textAfter(made, "toolchains/BUCK")).not.toContain("cli =");
    expect(made.byHand).toEqual([]);
  });
});
