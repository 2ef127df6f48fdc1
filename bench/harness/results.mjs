/** Files of a run: `RESULTS.json` has all raw figures, `RESULTS.md` and `chart.svg` are made of it. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { root } from "../../scripts/bundle.mjs";
import { find } from "../support.mjs";

const file = join(root, "bench/RESULTS.json");

const versionArguments = {
  buck2: ["--version"],
  oras: ["version"],
  crane: ["version"],
  skopeo: ["--version"],
  curl: ["--version"],
  ocx: ["version"],
  "docker-registry": ["--version"],
  registry: ["--version"],
  nativelink: ["--version"],
};

function versionOf(program, args) {
  if (program === undefined) return "not installed";
  const { stdout, stderr } = spawnSync(program, args, { encoding: "utf8", timeout: 20_000 });
  const [line = ""] = `${stdout}${stderr}`.trim().split("\n");
  // `/usr/bin/docker-registry github.com/docker/distribution 2.8.2`: paths of this machine are nobody's business.
  return line
    .replaceAll(/(?:^|\s)\/\S+/g, "")
    .replace(/^Version:/, "")
    .trim()
    .slice(0, 60);
}

/** The machine and the programs, as the reader of the figures needs them. */
export function describeMachine(bench) {
  const versions = Object.entries(versionArguments).map(([name, args]) => [name, versionOf(find(name), args)]);
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cpus: cpus().length,
    memoryGb: Math.round(totalmem() / 1e9),
    system: `${process.platform} ${release()}`,
    loadBefore: Number(loadavg()[0].toFixed(2)),
    versions: {
      node: process.version,
      "Node 24": versionOf(bench.node24, ["--version"]),
      standalone: versionOf(bench.standalone, ["--version"]),
      ...Object.fromEntries(versions),
    },
  };
}

/** The last run, of which `--only` replaces a part. */
export function readResults() {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { families: {} };
}

/** Milliseconds with one digit: more is noise. */
export function writeResults(results) {
  const rounded = (_key, value) => (typeof value === "number" ? Math.round(value * 1000) / 1000 : value);
  writeFileSync(file, `${JSON.stringify(results, rounded, 1)}\n`);
}
