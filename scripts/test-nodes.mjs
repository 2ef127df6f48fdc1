/**
 * Brings the versions of Node that the executable must run on (and two that it must refuse) into `.test-nodes/`, from the npm
 * registry's packages of Node's own executables. What cannot be had is left out; its tests are then skipped by name.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./bundle.mjs";

const versions = ["14", "18", "20.19.0", "22", "24", "26"];
const os = process.platform === "win32" ? "win" : process.platform;
const name = `node-${os}-${process.arch}`;

for (const version of versions) {
  const prefix = join(root, ".test-nodes", version);
  if (existsSync(join(prefix, "node_modules", name))) continue;
  const args = ["install", "--prefix", prefix, "--no-save", "--no-audit", "--no-fund", `${name}@${version}`];
  const { status } = spawnSync("npm", args, { stdio: "ignore", shell: process.platform === "win32" });
  console.log(`Node ${version} for the tests: ${status === 0 ? "installed" : "not to be had"}`);
}
