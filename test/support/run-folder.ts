/**
 * One temporary folder for all that a run of the tests writes and starts, and a look at the end whether anything is outside
 * of it or still runs. A run that leaves something fails.
 */
import { spawn } from "node:child_process";
import { chmodSync, lstatSync, mkdtempSync, readdirSync } from "node:fs";
import { Socket } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { killAll, type LeftProcess, processesOf, removeFolder } from "./keeper.mjs";

/** What the executable would write with the developer's own home, and what tests once made. */
const untouched = [
  "/nonexistent",
  join(homedir(), ".cache", "buck2-oras"),
  join(homedir(), ".config", "buck2-oras"),
  join(homedir(), ".docker", "config.json"),
];

/** Every path at and below one, with what changes when it is written to. Times of reading are no change. */
function stateOf(path: string): string {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return `${path}: nothing`;
  const line = `${path}: ${stat.ino} ${stat.mode} ${stat.size} ${stat.mtimeMs}`;
  if (!stat.isDirectory()) return line;
  const names = readdirSync(path).sort();
  return [line, ...names.map((name) => stateOf(join(path, name)))].join("\n");
}

/** Processes of the run, without the runner's own children (workers, esbuild), which it ends itself after this. */
function leftOf(folder: string): readonly LeftProcess[] {
  return processesOf(folder).filter(({ parent }) => parent !== process.pid);
}

const graceMs = 10_000;

/** What still runs some seconds after the last test: a process that was told to end may take a moment. */
async function outliving(folder: string): Promise<readonly LeftProcess[]> {
  const until = Date.now() + graceMs;
  while (leftOf(folder).length > 0 && Date.now() < until) await delay(100);
  return leftOf(folder);
}

export async function setup(): Promise<() => Promise<void>> {
  const before = untouched.map(stateOf);
  const folder = mkdtempSync(join(tmpdir(), "buck2-oras-run-"));
  // As /tmp is: some tests run the executable as other users.
  chmodSync(folder, 0o1777);
  const keeper = spawn(process.execPath, [join(import.meta.dirname, "keeper.mjs"), folder], {
    stdio: ["pipe", "ignore", "ignore"],
    // Ctrl-C ends a terminal's whole group of processes.
    detached: true,
  });
  keeper.unref();
  // Nothing keeps this process from ending, which is when the pipe closes.
  if (keeper.stdin instanceof Socket) keeper.stdin.unref();
  // The workers and all that they start inherit it: what is theirs is known by it.
  process.env.TMPDIR = folder;

  return async () => {
    const left = await outliving(folder);
    await killAll(() => leftOf(folder));
    const changed = untouched.filter((path, index) => stateOf(path) !== before[index]);
    const found = [
      ...left.map(({ pid, command }) => `process ${pid} outlived its test: ${command}`),
      ...changed.map((path) => `${path} was made or changed while the tests ran`),
    ];
    removeFolder(folder);
    if (found.length === 0) return;
    console.error(`failed: tests leave something behind\n  ${found.join("\n  ")}`);
    process.exitCode = 1;
  };
}
