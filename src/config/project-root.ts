/** Search for the project's root, and the ownership rule for files above the working folder. */
import { lstat, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Context } from "../context.ts";

export interface ProjectRoot {
  readonly folder: string;
  /** False: no file marks a project, so `folder` is the working folder. */
  readonly isMarked: boolean;
}

/** The folder and its parents, up to the root of the file system. */
export function upwardFrom(folder: string): readonly string[] {
  return dirname(folder) === folder ? [folder] : [folder, ...upwardFrom(dirname(folder))];
}

/**
 * Git's rule for files above the working folder (safe.directory): a file counts if this user or root owns it.
 * Otherwise, a user with write access to a parent folder such as `/tmp` could control this user's commands.
 *
 * @returns The first foreign owner's ID.
 */
export function strangerAmong(owners: readonly number[], { userId, env }: Context): number | undefined {
  if (userId === undefined) return undefined;
  const sudoUser = userId === 0 && env.SUDO_UID !== undefined ? Number(env.SUDO_UID) : undefined;
  return owners.find((owner) => owner !== userId && owner !== 0 && owner !== sudoUser);
}

/**
 * The folder's owner, if foreign; undefined for a folder of this user or root, and for a missing folder. A folder's
 * owner can rename any file in it, so a file's owner alone does not prove who placed it (CVE-2022-24765 of Git).
 *
 * For root, the working folder's own owner is ignored: containers run as root in another user's checkout.
 */
export async function strangerOfFolder(folder: string, context: Context): Promise<number | undefined> {
  if (context.userId === 0 && folder === context.cwd) return undefined;
  const stats = await stat(folder).catch(() => undefined);
  return stats === undefined ? undefined : strangerAmong([stats.uid], context);
}

/** True if the file exists, and neither the file nor its folder has a foreign owner. */
async function hasMarker(path: string, context: Context): Promise<boolean> {
  try {
    const owner = strangerAmong([(await lstat(path)).uid], context);
    return owner === undefined && (await strangerOfFolder(dirname(path), context)) === undefined;
  } catch {
    return false;
  }
}

/**
 * The folder that build actions run in, so that commands in subfolders read the same configuration file. It has the
 * nearest `.buckroot`, else the outermost `.buckconfig`; a `.buckconfig` in the home folder belongs to the user and
 * does not count. Outside a project, the working folder.
 */
export async function findProjectRoot(context: Context): Promise<ProjectRoot> {
  const { cwd, homeDir } = context;
  let root: string | undefined;
  for (const folder of upwardFrom(cwd)) {
    if (await hasMarker(join(folder, ".buckroot"), context)) return { folder, isMarked: true };
    if (folder !== homeDir && (await hasMarker(join(folder, ".buckconfig"), context))) root = folder;
  }
  return { folder: root ?? cwd, isMarked: root !== undefined };
}
