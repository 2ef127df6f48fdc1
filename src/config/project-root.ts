/** The project that a command runs in, and whose files count on the way there. */
import { lstat, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Context } from "../context.ts";

export interface ProjectRoot {
  readonly folder: string;
  /** False: it is the working folder, for want of a file that marks one. */
  readonly isMarked: boolean;
}

/** From a folder to the root of the file system. */
export function upwardFrom(folder: string): readonly string[] {
  return dirname(folder) === folder ? [folder] : [folder, ...upwardFrom(dirname(folder))];
}

/**
 * Git's rule for what it finds above the working folder (safe.directory): a file counts if it is this user's or root's. Who may
 * write into a folder above, `/tmp` or a build machine's, could otherwise decide what the user's commands do.
 */
export function strangerAmong(owners: readonly number[], { userId, env }: Context): number | undefined {
  if (userId === undefined) return undefined;
  const sudoUser = userId === 0 && env.SUDO_UID !== undefined ? Number(env.SUDO_UID) : undefined;
  return owners.find((owner) => owner !== userId && owner !== 0 && owner !== sudoUser);
}

/**
 * The stranger whose folder it is; undefined for one of this user's, of root's, or that is not there. Whoever owns a folder gives a
 * file of anybody's another name in it: the file's own owner does not say who put it there (CVE-2022-24765 of Git).
 *
 * Root in the working folder itself goes by the file: a container works as root in a checkout of somebody's.
 */
export async function strangerOfFolder(folder: string, context: Context): Promise<number | undefined> {
  if (context.userId === 0 && folder === context.cwd) return undefined;
  const stats = await stat(folder).catch(() => undefined);
  return stats === undefined ? undefined : strangerAmong([stats.uid], context);
}

/** True when the file is there, and neither it nor its folder is a stranger's. */
async function hasMarker(path: string, context: Context): Promise<boolean> {
  try {
    const owner = strangerAmong([(await lstat(path)).uid], context);
    return owner === undefined && (await strangerOfFolder(dirname(path), context)) === undefined;
  } catch {
    return false;
  }
}

/**
 * The folder in which a build's actions run, so that a command in a folder of the project reads the same file: that of the
 * nearest `.buckroot`, else of the outermost `.buckconfig` (in the home folder it is the user's); outside a project the
 * working folder.
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
