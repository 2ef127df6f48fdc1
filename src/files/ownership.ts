/** Whether a folder is this user's alone: where others can write, they can put another file in the place of any. */
import type { Stats } from "node:fs";
import { lstat, readlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
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
 * @param below Names of folders in it that are looked at, too; one that is not there is passed over.
 * @param userId The effective user; undefined where files have no owner to compare it with (Windows).
 * @returns Why others could change what lies in the folder; undefined where nobody but this user and root could, or it is not there.
 */
export async function sharedBecause(
  folder: string,
  userId: number | undefined,
  below: readonly string[] = [],
): Promise<string | undefined> {
  if (userId === undefined) return undefined;
  const above = await orMissing(folder, judge(folder, userId, 0, isAlone));
  if (above !== undefined) return above;
  for (const name of below) {
    const path = join(folder, name);
    const why = await orMissing(path, judgeItself(path, userId, 0, isAlone));
    if (why !== undefined) return why;
  }
  return undefined;
}

async function orMissing(path: string, judging: Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await judging;
  } catch (cause) {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) return undefined;
    return `${path} cannot be looked at`;
  }
}

/** Links that one path may lead through; Linux allows as many. */
const maxHops = 40;

/** @returns Why the folder fails the rule. */
type Rule = (folder: string, stats: Stats, userId: number) => string | undefined;

const isAlone: Rule = (folder, stats, userId) => {
  if (!isWritableByOthers(stats, userId)) return undefined;
  const isForeign = stats.uid !== userId && stats.uid !== root;
  return isForeign ? `${folder} belongs to the user ${stats.uid}` : `others than its owner can write into ${folder}`;
};

/**
 * Why another user could put something else in the place of what lies in a folder. In one that others write into nobody does so if it is
 * sticky.
 */
export const swappableBecause: Rule = (folder, { uid, mode }, userId) => {
  if (uid !== userId && uid !== root) return `${folder} belongs to the user ${uid}`;
  const isWritable = (mode & writableByOthers) !== 0 && (mode & sticky) === 0;
  return isWritable ? `others than its owner can write into ${folder}` : undefined;
};

/** Looks from the top down, and from there at each link's target in the same way. */
async function judge(path: string, userId: number, hops: number, rule: Rule): Promise<string | undefined> {
  const parent = dirname(path);
  const above = parent === path ? undefined : await judge(parent, userId, hops, swappableBecause);
  return above ?? (await judgeItself(path, userId, hops, rule));
}

/** {@link judge} for a path of which all that is above was looked at. */
async function judgeItself(path: string, userId: number, hops: number, rule: Rule): Promise<string | undefined> {
  const stats = await lstat(path);
  if (!stats.isSymbolicLink()) return rule(path, stats, userId);
  if (stats.uid !== userId && stats.uid !== root) return `the link ${path} belongs to the user ${stats.uid}`;
  if (hops >= maxHops) return `${path} leads through too many links`;
  return await judge(resolve(dirname(path), await readlink(path)), userId, hops + 1, rule);
}
