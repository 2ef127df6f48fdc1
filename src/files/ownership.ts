/** Whether a folder is this user's alone: where others can write, they can put another file in the place of any. */
import type { Stats } from "node:fs";
import { lstat, readlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { isErrno } from "../errors.ts";

const writableByOthers = 0o022;
/** In such a folder, as `/tmp` is, only its owner renames or removes what somebody made. */
const sticky = 0o1000;
const root = 0;

/** True where others than the user can write into a file or folder, as far as its own mode says. */
export function isWritableByOthers({ uid, mode }: Stats, userId: number | undefined): boolean {
  // Root writes where it likes, whatever is looked at.
  return userId !== undefined && ((uid !== userId && uid !== root) || (mode & writableByOthers) !== 0);
}

/**
 * Looks at a folder and at all above it, as sshd does before it believes a file of keys (sshd_config(5), StrictModes). Of a link on the
 * way, both what holds it and where it leads: who can write into the folder of a link decides where it leads.
 *
 * @param folder Absolute.
 * @param userId The effective user; undefined where files have no owner to compare it with (Windows).
 * @returns Why others could change what lies in the folder; undefined where nobody but this user and root could, or it is not there.
 */
export async function sharedBecause(folder: string, userId: number | undefined): Promise<string | undefined> {
  if (userId === undefined) return undefined;
  try {
    return await judge(folder, userId, 0);
  } catch (cause) {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) return undefined;
    return `${folder} cannot be looked at`;
  }
}

/** Links that one path may lead through; Linux allows as many. */
const maxHops = 40;

async function judge(path: string, userId: number, hops: number): Promise<string | undefined> {
  const parent = dirname(path);
  if (parent !== path) {
    const why = await judgeAbove(parent, userId, hops);
    if (why !== undefined) return why;
  }
  const stats = await lstat(path);
  if (stats.isSymbolicLink()) return await judgeTarget(path, stats, userId, hops, judge);
  if (!isWritableByOthers(stats, userId)) return undefined;
  const isForeign = stats.uid !== userId && stats.uid !== root;
  return isForeign ? `${path} belongs to the user ${stats.uid}` : `others than its owner can write into ${path}`;
}

/** A folder on the way may be root's, and one that others write into if it is sticky. */
async function judgeAbove(path: string, userId: number, hops: number): Promise<string | undefined> {
  const parent = dirname(path);
  if (parent !== path) {
    const why = await judgeAbove(parent, userId, hops);
    if (why !== undefined) return why;
  }
  const stats = await lstat(path);
  if (stats.isSymbolicLink()) return await judgeTarget(path, stats, userId, hops, judgeAbove);
  const { uid, mode } = stats;
  if (uid !== userId && uid !== root) return `${path} belongs to the user ${uid}`;
  const isWritable = (mode & writableByOthers) !== 0 && (mode & sticky) === 0;
  return isWritable ? `others than its owner can write into ${path}` : undefined;
}

async function judgeTarget(
  link: string,
  { uid }: Stats,
  userId: number,
  hops: number,
  judgeOn: typeof judge,
): Promise<string | undefined> {
  if (uid !== userId && uid !== root) return `the link ${link} belongs to the user ${uid}`;
  if (hops >= maxHops) return `${link} leads through too many links`;
  return await judgeOn(resolve(dirname(link), await readlink(link)), userId, hops + 1);
}
