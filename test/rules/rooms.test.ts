/** What the Starlark rooms may name and load, without a Buck2. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../support/consumer.ts";

function starlarkFiles(room: string): string[] {
  return readdirSync(join(repository, room))
    .filter((name) => name.endsWith(".bzl") || name === "BUCK")
    .map((name) => `${room}/${name}`);
}

const read = (file: string): string => readFileSync(join(repository, file), "utf8");

/** Code without comments and docstrings. */
function codeOf(file: string): string {
  return read(file)
    .replaceAll(/"""[\s\S]*?"""/g, '""')
    .replaceAll(/^\s*#.*$/gm, "");
}

const rules = [...starlarkFiles("rules"), ...starlarkFiles("rules/proto")];

test("rules: nothing in rules/ names the prelude, the root cell, or a cell name of ours", () => {
  expect(rules.length).toBeGreaterThan(10);
  for (const file of rules) expect(codeOf(file), file).not.toMatch(/prelude\/\/|root\/\/|@[a-z]/);
});

test("rules: prelude_ext/ alone names the prelude", () => {
  expect(codeOf("prelude_ext/platforms.bzl")).toContain("prelude//");
  const others = ["BUCK", "tools/BUCK", "toolchains/BUCK", ...rules];
  expect(others.filter((file) => codeOf(file).includes("prelude//"))).toEqual([]);
});

test("rules: defs.bzl holds re-exports and nothing else", () => {
  const lines = codeOf("rules/defs.bzl")
    .split("\n")
    .filter((line) => line !== "" && line !== '""');
  const loads = lines.filter((line) => line.startsWith("load("));
  const exports = lines.filter((line) => !line.startsWith("load("));
  const loaded = loads.flatMap((line) => [...line.matchAll(/(\w+) = "(\w+)"/g)].map((match) => [match[1], match[2]]));
  expect(loaded.length).toBeGreaterThan(10);
  expect(exports.sort()).toEqual(loaded.map(([local, name]) => `${name} = ${local}`).sort());
  expect(loaded.every(([local, name]) => local === `_${name}`)).toBe(true);
});

test("rules: every rule and every public attribute has a doc", () => {
  let attributes = 0;
  for (const file of rules) {
    const code = read(file);
    for (const [, name, body] of code.matchAll(/^(\w+) = rule\(\n([\s\S]*?)^\)/gm))
      expect(body, name).toMatch(/^ {4}doc = "/m);
    for (const [, name = "", body = ""] of code.matchAll(
      /^ {4,8}"(\w+)": attrs\.([\s\S]*?)(?=\n {4,8}(?:"\w+": attrs\.|\}|#)|\n\})/gm,
    )) {
      if (name.startsWith("_")) continue;
      attributes += 1;
      expect(body, `${file}: ${name}`).toContain("doc = ");
    }
  }
  expect(attributes).toBeGreaterThan(25);
});
