/** A working folder from which tools are imported, with the user's own clients. */
import { join } from "node:path";
import * as v from "valibot";
import { expect } from "vitest";
import { importSchema } from "../../src/cli/schemas/published.ts";
import { oras } from "./executable.ts";
import { temporaryFolder } from "./folders.ts";
import { quickMaven } from "./maven.ts";
import type { Ran, RunOptions } from "./run.ts";

type Imported = v.InferOutput<typeof importSchema>;

export interface ImportDesk {
  readonly dir: string;
  readonly call: (args: readonly string[], options?: RunOptions) => Promise<Ran>;
  readonly imported: (...args: string[]) => Promise<Imported>;
}

/** With the user's own home, where the clients have their configuration and caches. */
export function importDesk(): ImportDesk {
  const dir = temporaryFolder();
  const { HOME = "" } = process.env;
  const env = { ...quickMaven, ...definedEnvironment(), HOME, BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  const call: ImportDesk["call"] = (args, options = {}) =>
    oras(args, { cwd: dir, ...options, env: { ...env, ...options.env } });
  const imported: ImportDesk["imported"] = async (...args) => {
    // The smallest blob takes the longest to make, and is not what is shown here.
    const ran = await call(["import", ...args, "--compression", "zstd:1", "--json"]);
    expect(ran.exitCode, ran.stdout).toBe(0);
    return v.parse(importSchema, JSON.parse(ran.stdout));
  };
  return { dir, call, imported };
}

function definedEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(?:npm_|ORAS_|BUCK2_ORAS_|VITEST|NODE_)/.test(name),
  );
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? ""]));
}
