/** Whether a folder is this user's alone: where others can write, they can put another file in the place of any. */
import type { Stats } from "node:fs";
import { lstat, realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { isErrno } from "../errors.ts";

const writableByOthers = 0o022;
/** In such a folder, as `/tmp` is, only its owner renames or removes what somebody made. */
const sticky = 0o1000;
const root = 0;

/** True where others than the user can write into a file or folder, as far as its own mode says. */
export function isWritableByOthers({ uid, mode }: Stats, userId: number | undefined): boolean {
  return userId !== undefined && (uid !== userId || (mode & writableByOthers) !== 0);
}

/**
 * Looks at a folder and at all above it, as sshd does before it believes a file of keys (sshd_config(5), StrictModes).
 *
 * @param userId The effective user; undefined where files have no owner to compare it with (Windows).
 * @returns Why others could change what lies in the folder; undefined where nobody but this user and root could, or it is not there.
 */
export async function sharedBecause(folder: string, userId: number | undefined): Promise<string | undefined> {
  if (userId === undefined) return undefined;
  let path: string;
  let stats: Stats;
  try {
    path = await realpath(folder);
    stats = await lstat(path);
  } catch (cause) {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) return undefined;
    return `${folder} cannot be looked at`;
  }
  if (isWritableByOthers(stats, userId)) {
    const isForeign = stats.uid !== userId;
    return isForeign ? `${path} belongs to the user ${stats.uid}` : `others than its owner can write into ${path}`;
  }
  for (let above = dirname(path), below = path; above !== below; below = above, above = dirname(above)) {
    const { uid, mode } = await lstat(above);
    if (uid !== userId && uid !== root) return `${above} belongs to the user ${uid}`;
    if ((mode & writableByOthers) !== 0 && (mode & sticky) === 0)
      return `others than its owner can write into ${above}`;
  }
  return undefined;
}
