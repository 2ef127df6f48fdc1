/** The table of who fetches blobs, as `npm run bench -- --only fetch` measured it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./bundle.mjs";

const begin = "<!-- fetch: npm run bench -- --only fetch -->";
const end = "<!-- end -->";

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Texts of other programs, in a cell of Markdown. */
function quoted(text) {
  const short = text.length > 110 ? `${text.slice(0, 109)}…` : text;
  return short.replaceAll("|", "/").replaceAll("`", "").replaceAll("<", "&lt;");
}

function cellOf(result) {
  if (result === undefined) return "";
  if (result.missing !== undefined) return `not measured: no ${result.missing}`;
  if (result.ms === undefined) return `fails: ${quoted(result.reason ?? result.failed)}`;
  return (median(result.ms) / 1000).toFixed(1) + (result.note === undefined ? "" : ` (${result.note})`);
}

/** Keys of the results are `SITUATION · WAY`. */
function tableOf(results) {
  const keys = Object.keys(results).map((key) => key.split(" · "));
  const situations = [...new Set(keys.map(([situation]) => situation))];
  const ways = [...new Set(keys.map(([, way]) => way))];
  const rows = situations.map((situation) => [
    situation,
    ...ways.map((way) => cellOf(results[`${situation} · ${way}`])),
  ]);
  const lines = [["", ...ways.map((way) => `\`${way}\``)], ["---", ...ways.map(() => "---")], ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The marked part of docs/rules.md. */
export function fetchSection() {
  const file = join(root, "bench/RESULTS.json");
  const measured = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).families.fetch : undefined;
  const table = measured === undefined ? "Not measured yet." : tableOf(measured.results);
  return `${begin}\n\n${table}\n\n${end}`;
}

/** @returns The page with the part as it should be; undefined if the page has no such part. */
export function withFetchSection(page) {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  return from === -1 || to < from ? undefined : page.slice(0, from) + fetchSection() + page.slice(to + end.length);
}
