/** Programs that a test puts on the PATH, and whether what they started is still there. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { whenTestEnds } from "./test-end.ts";

/** Writes a shell script into `DIR/bin`. @returns A PATH that begins there. */
export function scriptOnPath(dir: string, name: string, text: string): string {
  const bin = join(dir, "bin");
  mkdirSync(bin, { recursive: true });
  const path = join(bin, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return [bin, process.env.PATH ?? ""].join(delimiter);
}

/** What has ended and was not waited for by its parent has ended all the same. */
function isRunning(pid: number): boolean {
  try {
    return !execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" })
      .trim()
      .startsWith("Z");
  } catch {
    return false;
  }
}

/** @returns Those of the processes that are there still after some seconds; they are ended with the test. */
export async function stillRunning(pids: readonly number[]): Promise<readonly number[]> {
  whenTestEnds(() => {
    for (const pid of pids.filter(isRunning)) process.kill(pid, "SIGKILL");
  });
  for (let tries = 0; tries < 50 && pids.some(isRunning); tries += 1) await delay(100);
  return pids.filter(isRunning);
}

/** Waits until a script has written as many lines. */
export async function linesOf(path: string, count: number): Promise<readonly string[]> {
  for (;;) {
    const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
    if (lines.length >= count) return lines;
    await delay(50);
  }
}
