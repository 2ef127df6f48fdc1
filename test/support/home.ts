/** A home folder with a checkout in it, and the executable as its user runs it there. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { oras } from "./executable.ts";
import { temporaryFolder } from "./folders.ts";
import type { Ran, RunOptions } from "./run.ts";

export interface Home {
  readonly home: string;
  /** `work/checkout` in it. */
  readonly checkout: string;
  readonly userFile: string;
  readonly projectFile: string;
  /** Writes the project's file. */
  readonly project: (config: object) => void;
  /** Writes the user's own file. */
  readonly user: (config: object) => void;
  /** Runs in the checkout. */
  readonly oras: (args: readonly string[], options?: RunOptions) => Promise<Ran>;
}

export function homeWithCheckout(): Home {
  const home = temporaryFolder();
  const checkout = join(home, "work", "checkout");
  const userFile = join(home, ".config", "buck2-oras", "config.json");
  const projectFile = join(checkout, "buck2-oras.json");
  mkdirSync(checkout, { recursive: true });
  mkdirSync(join(home, ".config", "buck2-oras"), { recursive: true });
  writeFileSync(join(checkout, ".buckconfig"), "");
  return {
    home,
    checkout,
    userFile,
    projectFile,
    project: (config) => writeFileSync(projectFile, JSON.stringify(config)),
    user: (config) => writeFileSync(userFile, JSON.stringify(config)),
    oras: (args, options = {}) => oras(args, { cwd: checkout, ...options, env: { HOME: home, ...options.env } }),
  };
}
