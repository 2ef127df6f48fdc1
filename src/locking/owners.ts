/** The users who decided about a lock when a shim was written, and those who decide about it at the shim's call. */
import { resolve } from "node:path";
import { strangerAmong } from "../config/project-root.ts";
import type { Context } from "../context.ts";
import { ConfigurationError, localIoError } from "../errors.ts";
import { type OwnedEntry, ownersOnWay } from "../files/ownership.ts";

async function ownersOf(file: string): Promise<readonly OwnedEntry[]> {
  return await ownersOnWay(resolve(file)).catch((cause: unknown) => {
    throw localIoError(`inspect ${file}`, cause);
  });
}

/**
 * The owners of a lock, its folders and links, for {@link checkLockOwners}.
 *
 * @returns User IDs; undefined on systems without file owners (Windows).
 */
export async function lockOwners(file: string, { userId }: Context): Promise<readonly number[] | undefined> {
  if (userId === undefined) return undefined;
  return [...new Set((await ownersOf(file)).map(({ owner }) => owner))].sort((a, b) => a - b);
}

/**
 * Refuses a lock that somebody else put in the place of the lock that a shim was written for: a removed checkout in
 * `/tmp` leaves its path to everybody. To be called after the lock is read, since its place may change until then.
 *
 * @param accepted User IDs, besides this user and root.
 * @throws {ConfigurationError} `LOCK_INVALID`
 */
export async function checkLockOwners(file: string, accepted: readonly number[], context: Context): Promise<void> {
  if (context.userId === undefined) return;
  const others = (await ownersOf(file)).filter(({ owner }) => !accepted.includes(owner));
  const stranger = others.find(({ owner }) => strangerAmong([owner], context) !== undefined);
  if (stranger === undefined) return;
  const { path, owner } = stranger;
  throw new ConfigurationError("LOCK_INVALID", `${file} is refused: ${path} belongs to the user ${owner}`, {
    hint: "remove the shim if its project is gone; if you trust this user, run `buck2-oras shim` or `buck2-oras env` again",
  });
}
