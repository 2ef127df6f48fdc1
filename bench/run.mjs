/**
 * The race against the targets, side by side on one machine; whole processes, registries on loopback.
 *
 * `npm run bench [-- --only NAME] [-- --rounds N]`: prints one table, and writes `bench/RESULTS.md`, `bench/RESULTS.json` and
 * `bench/chart.svg`. The contenders take turns, so that a machine whose speed drifts is fair to all. A contender that is not
 * installed is skipped by name, and a failure ends its own row alone. The whole run ends within a quarter of an hour: on a slow machine, a
 * race has fewer rounds.
 */
import { spawnSync } from "node:child_process";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../scripts/bundle.mjs";
import { createBench } from "./harness/bench.mjs";
import { families } from "./harness/families.mjs";
import { race } from "./harness/race.mjs";
import { idleLoad, renderPage, renderTable } from "./harness/report.mjs";
import { describeMachine, readResults, writeResults } from "./harness/results.mjs";
import { endPrograms } from "./harness/run-program.mjs";
import { judge } from "./harness/verdict.mjs";

/** After this, no race begins. */
const totalMs = 13.5 * 60_000;

const { values: options } = parseArgs({
  options: { only: { type: "string", multiple: true }, rounds: { type: "string" } },
});
const only = options.only?.flatMap((names) => names.split(","));
const names = families.map(({ name }) => name);
const unknown = only?.filter((name) => !names.includes(name)) ?? [];
if (unknown.length > 0) {
  console.error(`no family ${unknown.join(", ")}; there are: ${names.join(", ")}`);
  process.exit(64);
}
const rounds = options.rounds === undefined ? undefined : Number(options.rounds);
if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
  console.error("--rounds needs a whole number above 0");
  process.exit(64);
}

const start = performance.now();
const say = (text) => {
  const seconds = Math.round((performance.now() - start) / 1000);
  console.error(`${String(Math.floor(seconds / 60)).padStart(2)}:${String(seconds % 60).padStart(2, "0")} ${text}`);
};

/** @returns What a family measured, by contender or by value; never rejects. */
async function measure(family, bench, until) {
  const names = family.targets.flatMap(({ ours, value }) => [ours ?? value]);
  const failed = (reason) => Object.fromEntries(names.map((name) => [name, { failed: reason }]));
  if (performance.now() > start + totalMs) return failed("no time was left");
  try {
    if (family.measure !== undefined) return await family.measure(bench, { rounds });
    const contenders = await family.contenders(bench);
    const limits = {
      rounds: rounds ?? family.rounds,
      until: Math.min(performance.now() + family.seconds * 1000, until),
      atLatest: until,
      warmsUp: family.warmsUp ?? true,
    };
    return await race(contenders, limits, (text) => say(`  ${text}`));
  } catch (error) {
    return failed(String(error.message ?? error).split("\n")[0]);
  }
}

const bench = createBench();
async function stop(code) {
  endPrograms();
  await bench.end();
  process.exit(code);
}
process.once("SIGINT", () => void stop(130));
process.once("SIGTERM", () => void stop(143));

const results = readResults();
// Families that are apart, and all others with `--only`, keep their last figures.
const kept = families.filter(({ isApart }) => isApart || only !== undefined);
results.families = Object.fromEntries(
  kept.flatMap(({ name }) => (results.families[name] === undefined ? [] : [[name, results.families[name]]])),
);
results.machine = describeMachine(bench);
const { loadBefore } = results.machine;
if (loadBefore > idleLoad) say(`the machine is not idle (load ${loadBefore}): the figures mean little`);
const chosen = families.filter(({ name, isApart }) => only?.includes(name) ?? !isApart);
for (const [index, family] of chosen.entries()) {
  say(`${index + 1}/${chosen.length} ${family.name}: ${family.title}`);
  const measured = await measure(family, bench, start + totalMs);
  results.families[family.name] = { title: family.title, results: measured };
  // After each family: what was measured outlives a run that is stopped.
  writeResults(results);
}
results.machine.loadAfter = Number(loadavg()[0].toFixed(2));
results.machine.minutes = (performance.now() - start) / 60_000;
const lines = families.flatMap(({ name, targets }) => {
  const measured = results.families[name];
  return measured === undefined ? [] : targets.map((target) => judge(target, measured.results));
});
writeResults(results);
renderPage(results, lines);
// Pages that show figures of this run.
for (const script of ["scripts/docs-fetch.mjs", "bench/scale.mjs"]) {
  const { status, stderr } = spawnSync(process.execPath, [join(root, script)], { encoding: "utf8" });
  if (status !== 0) say(`${script} failed, run \`npm run docs\`: ${stderr.trim()}`);
}
console.log(renderTable(lines));
const misses = lines.filter(({ verdict }) => verdict === "MISS").length;
say(`${misses} of ${lines.length} targets missed; bench/RESULTS.md, RESULTS.json and chart.svg are written`);
await stop(0);
