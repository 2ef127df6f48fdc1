/**
 * Writes the table of rooms in `docs/architecture.md` from `scripts/rooms.json`, which the architecture test holds against the imports.
 *
 * `node scripts/docs-architecture.mjs [--check]`: with --check nothing is written, and a table that differs makes it fail.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const file = join(root, "docs/architecture.md");
const isCheck = process.argv.includes("--check");

const layers = JSON.parse(readFileSync(join(root, "scripts/rooms.json"), "utf8"));
const rows = layers.flatMap(({ layer, rooms }) =>
  Object.entries(rooms).map(
    ([room, holds]) => `| ${layer} | \`${room.endsWith(".ts") ? room : `${room}/`}\` | ${holds} |`,
  ),
);
const table = ["| layer | room | holds |", "|---|---|---|", ...rows].join("\n");

const text = readFileSync(file, "utf8");
const between = /(<!-- rooms: npm run docs -->\n)[\s\S]*?(\n<!-- end -->)/;
if (!between.test(text)) throw new Error("docs/architecture.md has no place for the table");
const next = text.replace(between, (_, begin, end) => `${begin}\n${table}\n${end}`);
if (isCheck && next !== text) {
  console.error("docs/architecture.md has another table than scripts/rooms.json; run `npm run docs`");
  process.exit(1);
}
if (!isCheck) writeFileSync(file, next);
console.log(isCheck ? "the table of docs/architecture.md is up to date" : "wrote the table of docs/architecture.md");
