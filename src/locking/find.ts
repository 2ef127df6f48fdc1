/** Search for the lock file of a command that names none. */
import { dirname, join, relative } from "node:path";
import { findProjectRoot, ownersOf, strangerAmong, strangerOfFolder, upwardFrom } from "../config/project-root.ts";
import type { Context } from "../context.ts";
import { lockFileName } from "../lockfile/name.ts";

/**
 * Finds the nearest lock from the working folder up to the project's root, like the configuration file. Without a lock,
 * a new lock belongs in the root. A file above the working folder counts only if neither the file nor its folder has a
 * foreign owner.
 *
 * @returns Path relative to the working folder, such as `../oras.lock.json`; the file may be missing.
 */
export function findLockFile({ context }: { readonly context: Context }): string {
  const { cwd } = context;
  const root = findProjectRoot(context);
  const folders = upwardFrom(cwd);
  const inProject = folders.slice(0, folders.indexOf(root.folder) + 1);
  for (const folder of inProject) {
    const path = join(folder, lockFileName);
    const owners = ownersOf(path);
    if (owners.length === 0) continue;
    const stranger =
      folder === cwd ? undefined : (strangerAmong(owners, context) ?? strangerOfFolder(dirname(path), context));
    if (stranger === undefined) return relative(cwd, path);
    context.log.warn(`ignored ${path}: it belongs to the user ${stranger}, and neither to you nor to root`);
  }
  return relative(cwd, join(root.folder, lockFileName));
}
