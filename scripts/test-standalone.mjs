/**
 * `npm run test:standalone [-- ARGS]`: makes the standalone executable of this machine, and runs the black-box tests with it in place of the
 * bundle. ARGS are vitest's: files, folders and options; without them, all folders of black-box tests. Tests of what only the bundle has, such
 * as another Node or Node's own options, keep to the bundle (`test/support/executable.ts`).
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./bundle.mjs";
import { executableName } from "./package/make.mjs";
import { ownPlatform } from "./package/nodes.mjs";

const blackBox = ["audit", "cli", "faults", "matrix", "registry", "strangers", "tools", "transfer", "verbs"].map(
  (folder) => `test/${folder}`,
);

function run(...words) {
  const env = { ...process.env, BUCK2_ORAS_EXECUTABLE: join(root, "build/standalone", executableName(ownPlatform)) };
  const { status } = spawnSync(process.execPath, words, { cwd: root, env, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

if (ownPlatform === undefined) {
  console.error("error: there is no standalone executable for this machine (docs/standalone.md)");
  process.exit(1);
}
const args = process.argv.slice(2);
run("scripts/package.mjs", "--platform", ownPlatform);
run("node_modules/vitest/vitest.mjs", "run", ...(args.length > 0 ? args : blackBox));
