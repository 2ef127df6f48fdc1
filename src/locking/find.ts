/** Search for the lock file of a command that names none. */
import { lstat, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { findProjectRoot, strangerAmong, strangerOfFolder, upwardFrom } from "../config/project-root.ts";
import type { Context } from "../context.ts";
import { lockFileName } from "../lockfile/name.ts";

/**
 * Finds the nearest lock from the working folder up to the project's root, like the configuration file. Without a lock,
 * a new lock belongs in the root. A file above the working folder counts only if neither the file nor its folder has a
 * foreign owner.
 *
 * @returns Path relative to the working folder, such as `../oras.lock.json`; the file may be missing.
 */
export async function findLockFile({ context }: { readonly context: Context }): Promise<string> {
  const { cwd } = context;
  const root = await findProjectRoot(context);
  const folders = upwardFrom(cwd);
  const inProject = folders.slice(0, folders.indexOf(root.folder) + 1);
  for (const folder of inProject) {
    const path = join(folder, lockFileName);
    const owners = await ownersOf(path);
    if (owners.length === 0) continue;
    const stranger = folder === cwd ? undefined : (strangerAmong(owners, context) ?? (await strangerOf(path, context)));
    if (stranger === undefined) return relative(cwd, path);
    context.log.warn(`ignored ${path}: it belongs to the user ${stranger}, and neither to you nor to root`);
  }
  return relative(cwd, join(root.folder, lockFileName));
}

/** Owners of the file and of its link target; empty for a missing file. */
async function ownersOf(path: string): Promise<readonly number[]> {
  const found = await Promise.all([lstat, stat].map((look) => look(path).catch(() => undefined)));
  return found.flatMap((stats) => (stats === undefined ? [] : [stats.uid]));
}

async function strangerOf(path: string, context: Context): Promise<number | undefined> {
  return await strangerOfFolder(dirname(path), context);
}
