/**
 * Writes `docs/field.md` from the rows in `scripts/field/*.jsonc`, and checks that every test that a row names is there.
 *
 * `node scripts/docs-field.mjs [--check]`: with --check nothing is written, and a page that differs makes it fail.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "jsonc-parser";
import { root } from "./bundle.mjs";

/** One file for each kind, in the order of the page. */
const kinds = ["registries", "artifacts", "executables", "importers", "rules"];
const page = join(root, "docs/field.md");
const isCheck = process.argv.includes("--check");
const problems = [];

const introduction = `# Field cases

Inputs that people met with a registry, a client or a package, the present behaviour of buck2-oras, and the tests that show it.
\`npm run docs\` writes this page from \`scripts/field/\`, and fails if a test is missing.
`;

function read(kind) {
  const errors = [];
  const file = `scripts/field/${kind}.jsonc`;
  const data = parse(readFileSync(join(root, file), "utf8"), errors);
  if (errors.length > 0) throw new Error(`${file} is not JSON with comments (at character ${errors[0].offset})`);
  return data;
}

function escapeForRegExp(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Whether a file's text has the title as a string that is an argument, a key or a field. */
function hasTitle(text, title) {
  const literals = [JSON.stringify(title), `'${title}'`, `\`${title}\``].map(escapeForRegExp);
  return new RegExp(`(?:${literals.join("|")})\\s*[,:\\])]`).test(text);
}

/** Splits "FILE: TITLE", and notes a problem if the file or the title is missing. */
function parseTest(named) {
  const [, file = "", title = ""] = /^(test\/[\w./-]+\.ts): (.+)$/.exec(named) ?? [];
  const path = join(root, file);
  if (file === "" || !existsSync(path)) {
    problems.push(`no such test file: ${named}`);
  } else {
    const text = readFileSync(path, "utf8");
    const missing = title.split(" > ").filter((part) => !hasTitle(text, part));
    for (const part of missing) problems.push(`${file} has no test «${part}»`);
  }
  return { file, title };
}

function cell(text) {
  return text.replaceAll("|", "\\|").replace(/\s+/g, " ");
}

/** Names each file once, with its titles behind it. */
function showTests(tests) {
  const titles = new Map();
  for (const { file, title } of tests.map(parseTest)) titles.set(file, [...(titles.get(file) ?? []), cell(title)]);
  return [...titles]
    .map(([file, all]) => `[${file.slice("test/".length)}](../${file}): ${all.join("; ")}`)
    .join("<br>");
}

function section({ kind, rows }) {
  const tested = rows.filter(({ tests }) => tests.length > 0);
  const lines = tested.map((row) => `| ${cell(row.in)} | ${cell(row.now)} | ${showTests(row.tests)} |`);
  if (lines.length === 0) return "";
  return `\n## ${kind}\n\n| input | behaviour | tests |\n|---|---|---|\n${lines.join("\n")}\n`;
}

const tables = kinds.map(read);
const open = tables.flatMap(({ kind, rows }) =>
  rows.filter(({ tests }) => tests.length === 0).map((row) => `- ${kind}: ${cell(row.in)}\n`),
);
const remaining = open.length === 0 ? "" : `\n## Open\n\nNo test shows these yet:\n\n${open.join("")}`;
const text = `${introduction}${tables.map(section).join("")}${remaining}`;

if (isCheck && (!existsSync(page) || readFileSync(page, "utf8") !== text)) {
  problems.push("docs/field.md differs from scripts/field/; run `node scripts/docs-field.mjs` and commit it");
}
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
if (!isCheck) writeFileSync(page, text);
console.log(`docs/field.md ${isCheck ? "is up to date" : "written"}: ${open.length} open rows`);
