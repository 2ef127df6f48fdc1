/**
 * Search for the project's root, and the ownership rule for files above the working folder. Synchronous: nothing else is
 * under way yet, and an asynchronous look takes several times as long.
 */
import { lstatSync, statSync } from "node:fs";
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
export function strangerOfFolder(folder: string, context: Context): number | undefined {
  if (context.userId === 0 && folder === context.cwd) return undefined;
  return strangerAmong(ownersOf(folder, [statSync]), context);
}

/** Owners of an entry and of its link's target; none for a missing or inaccessible entry. */
export function ownersOf(
  path: string,
  looks: readonly (typeof lstatSync)[] = [lstatSync, statSync],
): readonly number[] {
  return looks.flatMap((look) => {
    try {
      return look(path, { throwIfNoEntry: false })?.uid ?? [];
    } catch {
      return [];
    }
  });
}

/** True if the file exists, and neither the file nor its folder has a foreign owner. */
function hasMarker(path: string, context: Context): boolean {
  const owners = ownersOf(path, [lstatSync]);
  if (owners.length === 0 || strangerAmong(owners, context) !== undefined) return false;
  return strangerOfFolder(dirname(path), context) === undefined;
}

/**
 * The folder that build actions run in, so that commands in subfolders read the same configuration file. It has the
 * nearest `.buckroot`, else the outermost `.buckconfig`; a `.buckconfig` in the home folder belongs to the user and
 * does not count. Outside a project, the working folder.
 */
export function findProjectRoot(context: Context): ProjectRoot {
  const { cwd, homeDir } = context;
  let root: string | undefined;
  for (const folder of upwardFrom(cwd)) {
    if (hasMarker(join(folder, ".buckroot"), context)) return { folder, isMarked: true };
    if (folder !== homeDir && hasMarker(join(folder, ".buckconfig"), context)) root = folder;
  }
  return { folder: root ?? cwd, isMarked: root !== undefined };
}
