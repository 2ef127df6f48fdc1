/**
 * Writes the table of who fetches blobs in `docs/rules.md`, from `bench/RESULTS.json`.
 *
 * `node scripts/docs-fetch.mjs [--check]`: with --check nothing is written, and a table that differs makes it fail. Measures nothing.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./bundle.mjs";
import { withFetchSection } from "./fetch-table.mjs";

const file = join(root, "docs/rules.md");
const page = readFileSync(file, "utf8");
const next = withFetchSection(page);
if (next === undefined) throw new Error("docs/rules.md has no place for the table of `fetch`");
if (process.argv.includes("--check")) {
  if (next !== page) {
    console.error("the table of `fetch` in docs/rules.md is not what bench/RESULTS.json says: run `npm run docs`");
    process.exit(1);
  }
  console.log("the table of `fetch` in docs/rules.md is up to date");
} else {
  writeFileSync(file, next);
  console.log("wrote the table of `fetch` in docs/rules.md");
}
