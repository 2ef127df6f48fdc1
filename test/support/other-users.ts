/** The executable as users of the machine run it who are not the one that runs the tests. */
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { inject, type TestContext } from "vitest";
import { temporaryFolder } from "./folders.ts";
import { requireProgram } from "./peers.ts";
import { type Ran, run } from "./run.ts";
import { requireRoot } from "./shared-cache.ts";

/** A user who is neither root nor the neighbour. */
export const ordinaryUser = 65_533;

export interface AsOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The only one besides the user's own. */
  readonly group?: number;
  /** As the shell takes it; each user has a home folder of his own below the place then. */
  readonly umask?: string;
}

export interface OtherUsers {
  /** Everybody's, with the executable in it; commands run there. */
  readonly place: string;
  /** Runs `buck2-oras ARGS`. */
  readonly oras: (user: number, args: readonly string[], options?: AsOptions) => Promise<Ran>;
}

/** Skips the test where nobody can become somebody else. */
export function otherUsers(context: TestContext): OtherUsers {
  requireRoot(context);
  const setpriv = requireProgram(context, "setpriv");
  const place = temporaryFolder();
  chmodSync(place, 0o777);
  const executable = "buck2-oras.cjs";
  copyFileSync(inject("executable"), join(place, executable));
  chmodSync(join(place, executable), 0o644);
  return {
    place,
    oras: async (user, args, { env = {}, group, umask } = {}) => {
      const groups = group === undefined ? "--clear-groups" : `--groups=${group}`;
      const ids = [`--reuid=${user}`, `--regid=${user}`, groups];
      const command = [process.execPath, executable, ...args];
      const script = `umask ${umask}; mkdir -p ${user}; HOME=$PWD/${user} exec "$0" "$@"`;
      const started = umask === undefined ? command : ["sh", "-c", script, ...command];
      return await run(setpriv, [...ids, ...started], { cwd: place, env: { HOME: place, ...env } });
    },
  };
}
