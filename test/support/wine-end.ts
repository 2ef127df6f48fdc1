/** The end of Wine's own processes, which outlive the programs that they served. Files of tests share them, so the run ends them. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wineEnvironment } from "../../scripts/wine-prefix.mjs";

/** File that says that this run has started Wine: another run may use it at the same time. */
export function wineMark(): string {
  return join(tmpdir(), "wine-was-started");
}

/** After `run-folder.ts`, which makes the folder of the mark. */
export function setup(): () => void {
  return () => {
    if (!existsSync(wineMark())) return;
    spawnSync("wineserver", ["--kill"], { stdio: "ignore", env: { ...process.env, ...wineEnvironment } });
  };
}
