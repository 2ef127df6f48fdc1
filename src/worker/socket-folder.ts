/** The folder of a worker's socket: whoever can connect uses the logins of this user. */
import { chmod, lstat } from "node:fs/promises";
import { dirname } from "node:path";
import { LocalIoError, localIoError } from "../errors.ts";
import { swappableBecause } from "../files/ownership.ts";

function refused(why: string): LocalIoError {
  return new LocalIoError("PERMISSION_DENIED", `the worker's socket would not be this user's alone: ${why}`, {
    hint: "remove that folder, or set `worker = False` at the `oras_toolchain`",
  });
}

/** Allows only owners to rename or remove entries. */
const sticky = 0o1000;

/**
 * Closes the folder to all other users, before the socket exists.
 *
 * The folder above is Buck2's, for the workers of all builds, and has the mode of the user's umask, like all that Buck2
 * writes. A group that may write there could put a folder of its own in this place between the look and the socket: only
 * owners may rename entries from now on.
 *
 * @param socketPath As Buck2 names it: `/tmp/buck2_worker/<build>-<worker>/socket`, in a folder made for this worker.
 * @param userId The effective user ID.
 * @throws {LocalIoError} `PERMISSION_DENIED` if another user could put a folder of his own in this place
 */
export async function closeSocketFolder(socketPath: string, userId: number): Promise<void> {
  const folder = dirname(socketPath);
  const parent = dirname(folder);
  try {
    const above = await lstat(parent);
    const why = swappableBecause(parent, above, userId);
    if (why !== undefined) {
      if (above.uid !== userId || !above.isDirectory()) throw refused(why);
      await chmod(parent, (above.mode & 0o7777) | sticky);
    }
    const own = await lstat(folder);
    if (!own.isDirectory() || own.uid !== userId) throw refused(`${folder} belongs to the user ${own.uid}`);
    await chmod(folder, 0o700);
  } catch (cause) {
    throw localIoError(`make the socket ${socketPath}`, cause);
  }
}
