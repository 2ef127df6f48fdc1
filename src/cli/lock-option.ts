/** The option `--lock` of the commands that find the lock themselves. */
import { dirname, resolve } from "node:path";
import { lockFileName } from "../lockfile/name.ts";
import { pathArgument, userIdsArgument } from "./arguments.ts";

export const lockOption = [
  "--lock <file>",
  `the lock file (default: the nearest ${lockFileName} up to the project's root)`,
  pathArgument,
] as const;

/** For shims: their lock's path may have become somebody else's. */
export const lockOwnersOption = [
  "--lock-owners <uids>",
  "refuse a lock that belongs to a user other than these, you and root, as do its folders and links (shims say this)",
  userIdsArgument,
] as const;

/**
 * Every command obeys the `buck2-oras.json` of a named lock's project, not that of the working folder: a lock means the
 * same from everywhere, and shims are called in the folders of any checkout.
 */
export function projectOfLock({ lock }: { readonly lock?: string | readonly string[] }): string | undefined {
  // A list is for `prune`: locks of other projects, which keep their artifacts.
  return typeof lock === "string" ? dirname(resolve(lock)) : undefined;
}
