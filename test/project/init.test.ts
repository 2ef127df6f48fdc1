/** `init`, the configuration: which lines it adds, and what it leaves to the user. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readBuckConfig, withLines } from "../../src/project/buckconfig.ts";
import { codeOf } from "../support/context.ts";
import { minimal, planOf, projectOf, source, textAfter, write } from "../support/init-plan.ts";

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
