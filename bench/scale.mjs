/**
 * A model of 1,000 tools and 10,000 builders at a registry with limits. Writes the tables of `docs/scale.md`.
 *
 * `node bench/scale.mjs [--check]`: with --check nothing is written, and a page that differs makes it fail.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../scripts/bundle.mjs";
import { assumptions, daysOf, measuredIn } from "./scale/model.mjs";

const page = join(root, "docs/scale.md");
const isCheck = process.argv.includes("--check");
const measured = measuredIn(JSON.parse(readFileSync(join(root, "bench/RESULTS.json"), "utf8")));
const days = daysOf(assumptions, measured);

const names = {
  tags: "a tag for each tool, no lock",
  lock: "lock, and the store of each machine (`process`)",
  native: "lock, `native` (registry without tokens)",
  mirror: `lock, ${assumptions.mirrors} mirrors`,
  "action cache": "lock, an action cache (`process`) or workers (`native`)",
};

const number = (value, digits = 0) =>
  value.toLocaleString("en-US", { maximumFractionDigits: value < 10 ? Math.max(digits, 1) : digits });

function traffic(bytes) {
  const units = [
    ["TB", 1e12],
    ["GB", 1e9],
    ["MB", 1e6],
  ];
  const [unit, size] = units.find(([, one]) => bytes >= one) ?? ["B", 1];
  return `${number(bytes / size, 1)} ${unit}`;
}

function row(name, day) {
  const rate = `${number(day.perSecond, 1)}${day.isOverLimit ? " (over the limit)" : ""}`;
  const cells = [number(day.requests), rate, number(day.manifests), number(day.accounts), traffic(day.bytes)];
  const cost = day.dollars < 0.1 ? "below $0.1" : `$${number(day.dollars)}`;
  return `| ${name} | ${cells.join(" | ")} | ${cost} |`;
}

function table(title, ways) {
  const head = "requests | per second | manifests | accounts for the quota | traffic | cost";
  const rows = Object.entries(ways).map(([way, day]) => row(names[way], day));
  return [`**${title}**`, "", `| way | ${head} |`, "|---|---|---|---|---|---|---|", ...rows].join("\n");
}

function processTime() {
  const { nativeSavesMs } = measured;
  if (nativeSavesMs === undefined) return "";
  const hours = (days.new.native.blobs * nativeSavesMs) / 3_600_000;
  return `\n\nMachine time: a process costs ${number(nativeSavesMs)} ms more for a cold tool than Buck2's own download: the first two rows of
[bench/RESULTS.md](../bench/RESULTS.md), 50 tools, one median minus the other, divided by 50. On machines that are new for each build, that is
${number(hours)} hours of all machines together in a day.`;
}

function assumed() {
  const a = assumptions;
  return `| assumption | value | the figures change |
|---|---|---|
| tools in the lock; builders; builds of a builder | ${number(a.toolsInLock)}; ${number(a.builders)}; ${a.buildsPerBuilder} a day | in proportion to builders and builds, without a mirror or an action cache; with one, not at all |
| tools that a build needs | ${a.toolsPerBuild} of ${number(a.toolsInLock)} | in proportion |
| size of a tool | ${traffic(a.toolBytes)} | traffic and cost, in proportion |
| new versions | ${a.newVersionsPerDay} a day | mirrors, action cache and stores, in proportion |
| checkouts of a builder; \`buck2 clean\` | ${a.checkoutsPerBuilder}; ${a.cleansPerBuilder} a day | \`native\` on machines that stay |
| requests for a locked blob | ${measured.openRequests}; ${measured.tokenRequests} with a token service | measured by the bench |
| requests to resolve a tag | ${a.manifestsPerTag} manifests: index and platform | the first row |
| quota of manifests | ${a.quotaManifests} in ${a.quotaHours} hours for an account, as a free account of Docker Hub | the accounts |
| limit of the registry | ${a.limitPerSecond} requests in a second, else 429; all builds in ${a.busyHours} hours | the remark |
| price of traffic | $${a.dollarsPerGb} for a GB, a usual list price of clouds | cost |`;
}

/** The figures that a reader asks about first. */
function origins() {
  const { newVersionsPerDay: versions, mirrors, toolBytes, dollarsPerGb } = assumptions;
  const { tokenRequests } = measured;
  const cost = days.new["action cache"].dollars;
  return `The last rows are ${versions} new versions × ${tokenRequests} requests (blob, challenge, token) = ${number(versions * tokenRequests)} requests a day,
and with ${mirrors} mirrors, ${mirrors} times as many. The traffic costs ${versions} × ${traffic(toolBytes)} at $${dollarsPerGb} for a GB = $${cost.toFixed(3)}.`;
}

const tables = [
  table("Each build on a new machine", days.new),
  table("Machines that stay, with their disks", days.staying),
  origins(),
  assumed(),
].join("\n\n");

const text = readFileSync(page, "utf8");
const between = /(<!-- scale: npm run docs -->\n)[\s\S]*?(\n<!-- end -->)/;
if (!between.test(text)) throw new Error("docs/scale.md has no place for the tables");
const next = text.replace(between, (_, begin, end) => `${begin}\n${tables}${processTime()}\n${end}`);
if (isCheck && next !== text) {
  console.error("docs/scale.md is not what bench/RESULTS.json and the model say: run `npm run docs`");
  process.exit(1);
}
if (!isCheck) {
  writeFileSync(page, next);
  console.log(`${tables}${processTime()}`);
}
