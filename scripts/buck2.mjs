/** Runs Buck2 on this repository with a daemon of its own, which is ended afterwards. */
import { execFileSync, spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const program = process.env.BUCK2 ?? "buck2";
const isolation = ["--isolation-dir", "scripts"];

export function hasBuck2() {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;
}

/**
 * @param use Is given a function that runs `buck2 ARGS` and returns what it printed; its failure prints all that it said.
 * @returns what `use` returns
 */
export function withBuck2(use) {
  const run = (...args) =>
    execFileSync(program, [...isolation, ...args], {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
      stdio: ["ignore", "pipe", "pipe"],
    });
  try {
    return use(run);
  } finally {
    spawnSync(program, [...isolation, "kill"], { cwd: root, stdio: "ignore" });
  }
}
