/**
 * Writes the table of rooms in `docs/architecture.md` and the picture of the house in `CONTRIBUTING.md`, both from
 * `scripts/rooms.json`, which the architecture test holds against the imports.
 *
 * `node scripts/docs-architecture.mjs [--check]`: with --check nothing is written, and a page that differs makes it fail.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const isCheck = process.argv.includes("--check");

const layers = JSON.parse(readFileSync(join(root, "scripts/rooms.json"), "utf8"));
const rows = layers.flatMap(({ layer, rooms }) =>
  Object.entries(rooms).map(
    ([room, holds]) => `| ${layer} | \`${room.endsWith(".ts") ? room : `${room}/`}\` | ${holds} |`,
  ),
);
const table = ["| layer | room | holds |", "|---|---|---|", ...rows].join("\n");

/** One line for each storey: imports go down. */
const storeys = layers.map(({ rooms }) => Object.keys(rooms).map((room) => (room.endsWith(".ts") ? room : `${room}/`)));
const picture = ["```text", ...storeys.map((names) => `  │  ${names.join("   ")}`), "  ▼", "```"].join("\n");

const stale = [];
for (const [file, content] of [
  ["docs/architecture.md", table],
  ["CONTRIBUTING.md", picture],
]) {
  const path = join(root, file);
  const text = readFileSync(path, "utf8");
  const between = /(<!-- rooms: npm run docs -->\n)[\s\S]*?(\n<!-- end -->)/;
  if (!between.test(text)) throw new Error(`${file} has no place for the rooms`);
  const next = text.replace(between, (_, begin, end) => `${begin}\n${content}\n${end}`);
  if (isCheck && next !== text) stale.push(file);
  if (!isCheck) writeFileSync(path, next);
}
if (stale.length > 0) {
  console.error(`not what scripts/rooms.json says: ${stale.join(", ")}; run \`npm run docs\``);
  process.exit(1);
}
console.log(`the rooms of docs/architecture.md and CONTRIBUTING.md are ${isCheck ? "up to date" : "written"}`);
