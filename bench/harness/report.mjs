/** The table of a run: in the terminal, and with the machine in `bench/RESULTS.md`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/bundle.mjs";
import { renderChart } from "./chart.mjs";

/** One busy process beside the race. */
export const idleLoad = 0.7;

const heads = ["what", "against", "figure", "target", "", "Node alone"];
const cellsOf = ({ what, against, figure, target, verdict, least }) => [what, against, figure, target, verdict, least];
const plain = (text) => text.replaceAll("`", "");

/** For a terminal; a verdict of several words stands in full below. */
export function renderTable(lines) {
  const rows = [heads, ...lines.map((line) => cellsOf({ ...line, verdict: line.verdict.split(":")[0] }))];
  const widths = heads.map((_, column) => Math.max(...rows.map((row) => plain(row[column]).length)));
  const text = rows.map((row) =>
    row
      .map((cell, column) => plain(cell).padEnd(widths[column]))
      .join("  ")
      .trimEnd(),
  );
  const reasons = lines.filter(({ verdict }) => verdict.includes(":"));
  return [...text, ...reasons.map(({ what, verdict }) => `${plain(what)}: ${verdict}`)].join("\n");
}

/** The tables of Markdown have no cells with bars or line ends. */
const inCell = (text) => text.replaceAll("|", "/").replaceAll("\n", " ");

function markdownRow(cells) {
  return `| ${cells.map(inCell).join(" | ")} |`;
}

function markdownTable(lines) {
  const rows = lines.map((line) => {
    const { verdict, detail } = line;
    const mark = verdict === "MISS" ? "**miss**" : verdict;
    return markdownRow([line.what, line.against, line.figure, line.target, mark, line.least, detail]);
  });
  return [markdownRow([...heads, "medians"]), "|---|---|---|---|---|---|---|", ...rows].join("\n");
}

function machineText({ machine }) {
  const { cpu, cpus, memoryGb, system, date, minutes, loadBefore, versions } = machine;
  const list = Object.entries(versions).map(([name, version]) => `- ${name}: ${version}`);
  const busy = loadBefore > idleLoad ? " So the machine was not idle, and the figures mean little." : "";
  return `${date}, ${cpus} cores (${cpu}), ${memoryGb} GB, ${system}. The run took ${minutes.toFixed(1)} minutes; the load before it was ${loadBefore}.${busy}

${list.join("\n")}`;
}

function roundsText(results) {
  const rows = Object.entries(results.families).flatMap(([name, { title, results: measured }]) => {
    const counts = Object.values(measured).flatMap(({ ms }) => (ms === undefined ? [] : [ms.length]));
    return counts.length === 0 ? [] : [`- \`${name}\`: ${title}; ${Math.max(...counts)} rounds`];
  });
  return rows.join("\n");
}

export function renderPage(results, lines) {
  const text = `<!-- Made by \`npm run bench\` from bench/RESULTS.json. -->

# Results

Each figure is a ratio of medians, ours to the fastest of the others, in one run in which all took turns; below 1 ours is faster.
Where a unit stands or where nothing is raced, the figure is the value itself. «Node alone» is the ratio of a program of twenty lines
([least.cjs](least.cjs)) that fetches or copies the same blob on Node 24, hashes it and writes it: no program on Node can be below. \`npm run bench -- --only NAME\` repeats one family.

![The ratios as bars](chart.svg)

${markdownTable(lines)}

## Machine

${machineText(results)}

## Families

All times are those of whole processes, with a registry on the same machine. «Cold» means an empty store. A slow link is a proxy that limits
the rate of all connections together, and lets each byte and each handshake take its share of the round trip.

${roundsText(results)}
`;
  writeFileSync(join(root, "bench/RESULTS.md"), text);
  writeFileSync(join(root, "bench/chart.svg"), renderChart(lines));
}
