/** Checks of whether other users can replace files in a folder: write permission suffices to replace any file. */
import type { Stats } from "node:fs";
import { lstat, readlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isErrno } from "../errors.ts";

const writableByOthers = 0o022;
/** The sticky bit, as of `/tmp`: only owners can rename or remove entries. */
const sticky = 0o1000;
const root = 0;

/** True if owner or mode let users other than this user and root write into a file or folder. */
export function isWritableByOthers({ uid, mode }: Stats, userId: number | undefined): boolean {
  // Root can write everywhere, so an entry owned by root is as safe as the user's own.
  return userId !== undefined && ((uid !== userId && uid !== root) || (mode & writableByOthers) !== 0);
}

/**
 * Checks a folder and its parents, as sshd does for key files (sshd_config(5), StrictModes). For a link, both its
 * folder and its target are checked: a writer of the link's folder controls the target.
 *
 * @param folder Absolute path.
 * @param userId The effective user ID; undefined on systems without file owners (Windows).
 * @param below Names of subfolders to check as well; missing subfolders are skipped.
 * @returns Why other users could change the folder's content; undefined if only this user and root can, or if the
 *   folder is missing.
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
    return `${path} cannot be inspected`;
  }
}

/** Maximum number of links in a path, as in Linux. */
const maxHops = 40;

/** @returns Why the folder violates the rule. */
type Rule = (folder: string, stats: Stats, userId: number) => string | undefined;

const isAlone: Rule = (folder, stats, userId) => {
  if (!isWritableByOthers(stats, userId)) return undefined;
  const isForeign = stats.uid !== userId && stats.uid !== root;
  return isForeign
    ? `${folder} belongs to the user ${stats.uid}`
    : `users other than its owner can write into ${folder}`;
};

/**
 * The reason why another user could replace entries of a folder. In a sticky folder, other writers cannot replace
 * entries.
 */
export const swappableBecause: Rule = (folder, { uid, mode }, userId) => {
  if (uid !== userId && uid !== root) return `${folder} belongs to the user ${uid}`;
  const isWritable = (mode & writableByOthers) !== 0 && (mode & sticky) === 0;
  return isWritable ? `users other than its owner can write into ${folder}` : undefined;
};

/** Checks from the root down, and each link's target in the same way. */
async function judge(path: string, userId: number, hops: number, rule: Rule): Promise<string | undefined> {
  const parent = dirname(path);
  const above = parent === path ? undefined : await judge(parent, userId, hops, swappableBecause);
  return above ?? (await judgeItself(path, userId, hops, rule));
}

/** {@link judge} for a path whose parents are already checked. */
async function judgeItself(path: string, userId: number, hops: number, rule: Rule): Promise<string | undefined> {
  const stats = await lstat(path);
  if (!stats.isSymbolicLink()) return rule(path, stats, userId);
  if (stats.uid !== userId && stats.uid !== root) return `the link ${path} belongs to the user ${stats.uid}`;
  if (hops >= maxHops) return `${path} leads through too many links`;
  return await judge(resolve(dirname(path), await readlink(path)), userId, hops + 1, rule);
}

export interface OwnedEntry {
  readonly path: string;
  readonly owner: number;
}

/**
 * The owners of a file, of all folders above it, and of all links on the way with their targets. An owner of any of
 * these decides which file the path means.
 *
 * @param path Absolute.
 * @throws a system error for a missing or inaccessible entry, and `ELOOP`
 */
export async function ownersOnWay(path: string, hops = 0): Promise<readonly OwnedEntry[]> {
  const parent = dirname(path);
  const above = parent === path ? [] : await ownersOnWay(parent, hops);
  const stats = await lstat(path);
  const entries = [...above, { path, owner: stats.uid }];
  if (!stats.isSymbolicLink()) return entries;
  if (hops >= maxHops) throw Object.assign(new Error(`${path} leads through too many links`), { code: "ELOOP" });
  return [...entries, ...(await ownersOnWay(resolve(dirname(path), await readlink(path)), hops + 1))];
}
