/** The project that a command runs in, and whose files count on the way there. */
import { lstat } from "node:fs/promises";
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

/** True when the file is there and is no stranger's. */
async function hasMarker(path: string, context: Context): Promise<boolean> {
  try {
    return strangerAmong([(await lstat(path)).uid], context) === undefined;
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
