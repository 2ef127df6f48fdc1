import { chmodSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Lock } from "../../src/lockfile/schema.ts";
import { readBuckConfig, withLines } from "../../src/project/buckconfig.ts";
import { withAddition } from "../../src/project/build-file.ts";
import { unifiedDiff } from "../../src/project/diff.ts";
import { type Plan, planInit } from "../../src/project/plan.ts";
import { codeOf } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";

const source = { origin: "https://git.example/buck2-oras.git", commit: "0123456789abcdef0123456789abcdef01234567" };
const minimal = "[cells]\n  root = .\n  prelude = prelude\n  toolchains = toolchains\n";
const lockOf = (...tools: readonly string[]): Lock => ({
  version: 1,
  tools: Object.fromEntries(
    tools.map((name) => [name, { reference: `ghcr.io/acme/${name}:1`, platforms: {} }] as const),
  ),
});

function projectOf(files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

interface Wanted {
  readonly lock?: Lock;
  readonly cell?: string;
  readonly source?: typeof source | "none";
}

async function planOf(root: string, wanted: Wanted = {}): Promise<Plan> {
  const { lock, cell, source: own } = wanted;
  return await planInit({
    root,
    isProject: true,
    lock,
    name: cell,
    source: own === "none" ? undefined : (own ?? source),
    signal: new AbortController().signal,
  });
}

function write({ changes }: Plan): void {
  for (const { path, after } of changes) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, after);
  }
}

/** The plan's text of a file; undefined for an unchanged file. */
function textAfter({ changes }: Plan, name: string): string | undefined {
  return changes.find((change) => change.name === name)?.after;
}

describe("init, .buckconfig", () => {
  test("lines join their sections, whose comments, spaces and order stay", async () => {
    const text =
      "# ours\n[cells] # the cells\n  root = .\n; old\n  prelude = prelude\n\n[external_cells]\nprelude = bundled\n";
    const plan = await planOf(projectOf({ ".buckconfig": text }));
    expect(textAfter(plan, ".buckconfig")).toBe(
      "# ours\n[cells] # the cells\n  root = .\n; old\n  prelude = prelude\n  oras = oras\n  toolchains = toolchains\n\n" +
        "[external_cells]\nprelude = bundled\n  oras = git\n\n" +
        `[external_cell_oras]\n  git_origin = ${source.origin}\n  commit_hash = ${source.commit}\n\n` +
        "[alias]\n  oras = oras//tools:oras\n",
    );
  });

  test("CRLF stays, and a missing final newline is no part of a line", async () => {
    const plan = await planOf(projectOf({ ".buckconfig": "[cells]\r\n  root = .\r\n  prelude = prelude" }));
    const text = textAfter(plan, ".buckconfig") ?? "";
    expect(text.startsWith("[cells]\r\n  root = .\r\n  prelude = prelude\r\n  oras = oras\r\n")).toBe(true);
    expect(text.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
  });

  test("each line of a mixed file keeps its own end; added lines have the end that most lines have", async () => {
    const mixed = "[cells]\r\n  root = .\n  prelude = prelude\r\n  toolchains = toolchains\r\n\n[buck2]\n  x = y\r\n";
    const plan = await planOf(projectOf({ ".buckconfig": mixed }));
    const after = textAfter(plan, ".buckconfig") ?? "";
    expect(plan.changes.find(({ name }) => name === ".buckconfig")?.before).toBe(mixed);
    expect(after).toContain(
      "  prelude = prelude\r\n  toolchains = toolchains\r\n  oras = oras\r\n\n[buck2]\n  x = y\r\n",
    );
    const [left, own] = [after.split(/(?<=\n)/), mixed.split(/(?<=\n)/)];
    for (const line of own) expect(left.splice(0, left.indexOf(line) + 1).at(-1)).toBe(line);
  });

  test("a value over several lines keeps its lines", () => {
    expect(withLines("[a]\n  x = 1 \\\n    2\n[b]\n", "a", ["y = 3"])).toBe("[a]\n  x = 1 \\\n    2\n  y = 3\n[b]\n");
  });

  test("a section after an included file begins anew: the file may begin another section", () => {
    expect(withLines("[a]\nx = 1\n<file:more>\ny = 2\n", "a", ["z = 3"])).toBe(
      "[a]\nx = 1\n  z = 3\n<file:more>\ny = 2\n",
    );
    expect(withLines("<file:more>\n", "a", ["z = 3"])).toBe("<file:more>\n\n[a]\n  z = 3\n");
  });

  test("`repositories`, the old name of `cells`, is extended where it is used", async () => {
    const plan = await planOf(projectOf({ ".buckconfig": minimal.replace("cells", "repositories") }));
    expect(textAfter(plan, ".buckconfig")).toMatch(/^\[repositories\]\n(?: {2}.*\n)*? {2}oras = oras\n/);
  });

  test("cells and aliases of included and local files count; a file outside the project is not read", async () => {
    const outside = join(projectOf({ more: "[alias]\noras = //:mine\n" }), "more");
    const root = projectOf({
      ".buckconfig": `${minimal}<file:cfg/more>\n<?file:cfg/none>\n<file:${outside}>\n`,
      "cfg/more": "[cells]\n acme = acme\n[external_cells]\nacme = git\n<file:more>\n",
      ".buckconfig.local": `[external_cell_acme]\ngit_origin = ${source.origin}\ncommit_hash = ${source.commit}\n`,
    });
    expect((await readBuckConfig(root, root, new AbortController().signal)).get("cells", "acme")).toBe("acme");
    const plan = await planOf(root);
    expect(textAfter(plan, ".buckconfig")).toMatch(/\n\[alias\]\n {2}oras = acme\/\/tools:oras\n$/);
    expect(plan.present.join("\n")).toContain(`${outside} belongs to the configuration and was not read`);
  });

  test("an existing cell stays at its commit, and the other commit is told", async () => {
    const before = { ".buckconfig": minimal };
    const root = projectOf(before);
    write(await planOf(root));
    const other = { ...source, commit: "f".repeat(40) };
    const plan = await planOf(root, { source: other });
    expect(plan.changes).toEqual([]);
    expect(plan.byHand).toMatchObject([
      { file: ".buckconfig", isNeeded: false, lines: expect.arrayContaining([`  commit_hash = ${other.commit}`]) },
    ]);
  });

  test("another cell of the name `oras` is an error, unless it is a copy of these rules", async () => {
    const config = `${minimal}  oras = third_party/oras\n`;
    const root = projectOf({ ".buckconfig": config, "third_party/oras/BUCK": "" });
    expect(await codeOf(planOf(root))).toBe("USAGE_INVALID");
    expect(textAfter(await planOf(root, { cell: "acme" }), ".buckconfig")).toContain("  acme = acme\n");
    mkdirSync(join(root, "third_party/oras/rules"));
    writeFileSync(join(root, "third_party/oras/rules/defs.bzl"), "oras_toolchain = 1\n");
    expect((await planOf(root, { source: "none" })).present[0]).toBe("the cell oras is the folder third_party/oras");
  });

  test("a folder `oras` of the project does not become the cell's path; another alias stays", async () => {
    const root = projectOf({ ".buckconfig": `${minimal}[alias]\noras = //x:y\n`, "oras/BUCK": "" });
    const plan = await planOf(root);
    expect(textAfter(plan, ".buckconfig")).toContain("  oras = oras_cell\n");
    expect(plan.byHand).toMatchObject([{ isNeeded: true, lines: ["[alias]", "  buck2_oras = oras//tools:oras"] }]);
  });

  test("a configuration that is a link is left to the user, and said to be unread where it leads out", async () => {
    const real = projectOf({ ".buckconfig": minimal });
    const root = projectOf({ BUCK: "" });
    symlinkSync(join(real, ".buckconfig"), join(root, ".buckconfig"));
    const plan = await planOf(root);
    expect(plan.changes.map(({ name }) => name)).not.toContain(".buckconfig");
    expect(plan.byHand[0]).toMatchObject({ file: ".buckconfig", why: expect.stringContaining("leads out") });
    expect(plan.present.join("\n")).toContain(".buckconfig belongs to the configuration and was not read");
    expect(readFileSync(join(real, ".buckconfig"), "utf8")).toBe(minimal);
  });

  test("a name that a load statement cannot hold is refused, also where the configuration has it", async () => {
    expect(await codeOf(planOf(projectOf({ ".buckconfig": minimal }), { cell: 'a" "b' }))).toBe("USAGE_INVALID");
    const config = `${minimal}  a"b = x\n[external_cell_a"b]\n  git_origin = ${source.origin}\n`;
    expect(await codeOf(planOf(projectOf({ ".buckconfig": config })))).toBe("USAGE_INVALID");
  });

  test("a new cell needs a repository and a commit", async () => {
    expect(await codeOf(planOf(projectOf({ ".buckconfig": minimal }), { source: "none" }))).toBe("USAGE_INVALID");
  });
});

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
