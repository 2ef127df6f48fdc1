/** Packing of an import: six platforms of buf, without the network. The same on one core stands for a packing without threads. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { find } from "../support.mjs";

const run = promisify(execFile);
const bufPackage = `@bufbuild/buf-linux-${process.arch === "arm64" ? "aarch64" : "x64"}@1.75.0`;
const platforms = ["linux-x86_64", "linux-aarch64", "darwin-x86_64", "darwin-arm64", "windows-x86_64", "windows-arm64"];
/** A part of each executable, above the size that gets a thread: the whole 570 MB would take minutes. */
const partBytes = 6_000_000;

/** @returns `--platform` options, each with another part of buf. */
async function parts(bench) {
  const dir = join(bench.work, "buf");
  // With the user's own settings of npm.
  await run("npm", ["pack", "--silent", bufPackage, "--pack-destination", bench.work]);
  const archive = readdirSync(bench.work).find((name) => name.endsWith(".tgz"));
  await bench.publications.oras(["extract", join(bench.work, archive), "-o", dir]);
  const buf = readFileSync(join(dir, "package/bin/buf"));
  return platforms.flatMap((platform, index) => {
    const file = join(bench.work, `buf-${platform}`);
    writeFileSync(file, buf.subarray(index * 2 * partBytes, (index * 2 + 1) * partBytes));
    return ["--platform", `${platform}=${file}`];
  });
}

async function packing(bench) {
  const layout = join(bench.work, "packed");
  const args = ["push", `oci:${layout}:1`, ...(await parts(bench)), "--title", "buf"];
  const prepare = () => rmSync(layout, { recursive: true, force: true });
  const ours = bench.ours("node24", args, {
    prepare,
    env: { BUCK2_ORAS_CACHE_DIR: join(bench.work, "cache-packing") },
  });
  if (ours.missing !== undefined) return { "all cores": ours };
  const taskset = find("taskset");
  return {
    "all cores": ours,
    "one core":
      taskset === undefined ? { missing: "taskset" } : { ...ours, command: [taskset, "-c", "0", ...ours.command] },
  };
}

export const families = [
  {
    name: "packing",
    title: "packing of six platforms of 6 MB (parts of buf)",
    rounds: 1,
    seconds: 40,
    warmsUp: false,
    contenders: packing,
    targets: [
      {
        what: "packing of `import npm:@bufbuild/buf`, six platforms",
        ours: "all cores",
        against: ["one core"],
        atMost: 0.55,
      },
    ],
  },
];
