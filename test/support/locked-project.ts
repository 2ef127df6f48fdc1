/** A project with a tool that its lock pins, in a layout of its own, and a home that holds what runs outside the build. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { oras } from "./executable.ts";
import { temporaryFolder } from "./folders.ts";
import type { Ran, RunOptions } from "./run.ts";
import { succeeding } from "./succeeding.ts";

export interface LockedProject {
  readonly home: string;
  /** The project's root. */
  readonly dir: string;
  readonly lock: string;
  /** `BUCK2_ORAS_TOOLS_DIR` of its runs. */
  readonly toolsDir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly oras: (args: readonly string[], options?: RunOptions) => Promise<Ran>;
  /** Pushes the bytes as one file and locks the tool. */
  readonly add: (name: string, text: string) => Promise<void>;
  /** Removes the tool from the lock. */
  readonly remove: (name: string) => void;
}

/** Says its arguments and its input, and ends with 7. */
export const echoingTool = '#!/bin/sh\necho "args:$#:$*"\ncat\nexit 7\n';

/** @param name Name of the project's folder. */
export function lockedProject(name = "project"): LockedProject {
  const home = temporaryFolder();
  const dir = join(home, name);
  mkdirSync(dir);
  writeFileSync(join(dir, ".buckconfig"), "");
  const toolsDir = join(home, "tools");
  const env = { HOME: home, BUCK2_ORAS_TOOLS_DIR: toolsDir };
  const lock = join(dir, "oras.lock.json");
  const run: LockedProject["oras"] = (args, options = {}) =>
    oras(args, { cwd: dir, ...options, env: { ...env, ...options.env } });
  return {
    home,
    dir,
    lock,
    toolsDir,
    env,
    oras: run,
    add: async (tool, text) => {
      writeFileSync(join(dir, "file"), text, { mode: 0o755 });
      await succeeding(run(["push", `oci:layout:${tool}`, "file"]));
      await succeeding(run(["lock", "add", tool, `oci:layout:${tool}`]));
    },
    remove: (tool) => {
      const json = JSON.parse(readFileSync(lock, "utf8"));
      delete json.tools[tool];
      writeFileSync(lock, JSON.stringify(json));
    },
  };
}
