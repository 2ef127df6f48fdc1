/** A context that tests control. */

import { setMaxListeners } from "node:events";
import type { ConfigFiles } from "../../src/config/file.ts";
import { type Context, noProgress } from "../../src/context.ts";
import { createContext } from "../../src/surroundings.ts";
import { impossibleFolder } from "./folders.ts";

/** As where nothing was configured, outside any project. */
export const noConfigFiles: ConfigFiles = {
  project: undefined,
  user: undefined,
  userPath: `${impossibleFolder}/.config/buck2-oras/config.json`,
  projectFolders: [],
  ignored: [],
};

export interface TestContext extends Context {
  /** What was logged, a line each. */
  readonly lines: string[];
}

export function testContext(changes: Partial<Context> = {}): TestContext {
  const lines: string[] = [];
  const log = { debug: (line: string) => void lines.push(line), warn: (line: string) => void lines.push(line) };
  const surroundings = {
    env: {},
    user: "tester",
    userId: process.geteuid?.(),
    processId: process.pid,
    parentProcessId: process.ppid,
    isRunning: () => true,
    cwd: impossibleFolder,
    homeDir: impossibleFolder,
    os: "linux",
    cpu: "x64",
    processors: 2,
    threadCode: undefined,
    log,
    progress: noProgress,
  };
  return { ...createContext(surroundings), ...changes, lines };
}

export const noSignal = new AbortController().signal;
setMaxListeners(0, noSignal);

/** The code of the package's error that `work` fails with; fails the test when it does not fail. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error && "code" in error) return String(error.code);
    throw error;
  }
  return "no error";
}
