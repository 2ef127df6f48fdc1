/**
 * Mutual exclusion while a file is read, changed and replaced. Without a claim, concurrent changes would be lost.
 *
 * A claim is a file created exclusively (`O_EXCL`) and held for milliseconds. A claim unchanged for seconds was left by
 * a process that was killed. Each waiter measures this time with its own monotonic clock. Clocks of other machines are
 * not compared, and process IDs are not used, since they differ between containers.
 */
import { randomBytes } from "node:crypto";
import { link, lstat, open, readFile, rename, rm } from "node:fs/promises";
import type { Context } from "../context.ts";
import { isErrno, LocalIoError, localIoError } from "../errors.ts";

/** A claim unchanged for this long is abandoned: its process was killed. */
const abandonedMs = 5000;
const maxWaitMs = 40;

export interface Claim {
  /** False if another process removed the claim as abandoned. */
  readonly isHeld: () => Promise<boolean>;
  readonly release: () => Promise<void>;
}

/**
 * Waits for the claim and takes it.
 *
 * @param path The claim's path, beside the claimed file.
 * @param file Names the claimed file in messages.
 * @throws {LocalIoError} `LOCK_BUSY`: this process may not remove the claim, or `path` is not a regular file
 */
export async function acquireClaim(path: string, file: string, context: Context, signal: AbortSignal): Promise<Claim> {
  let seen: { readonly identity: string; readonly sinceMs: number } | undefined;
  for (;;) {
    signal.throwIfAborted();
    const claim = await makeClaim(path, file);
    if (claim !== undefined) return claim;
    const identity = await identityOf(path, file);
    if (identity === undefined) continue;
    if (seen?.identity !== identity) {
      if (seen === undefined) context.log.debug(`another process changes ${file}; waiting for the claim ${path}`);
      seen = { identity, sinceMs: performance.now() };
    } else if (performance.now() - seen.sinceMs > abandonedMs) {
      context.log.debug(`removing the abandoned claim ${path}`);
      await takeAway(path, file, identity);
      continue;
    }
    await context.sleep(5 + context.random() * maxWaitMs, signal);
  }
}

/** @returns undefined if another process has the claim. */
async function makeClaim(path: string, file: string): Promise<Claim | undefined> {
  const mark = randomBytes(16).toString("hex");
  try {
    const handle = await open(path, "wx", 0o644);
    try {
      await handle.writeFile(mark);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (isErrno(cause, "EEXIST")) return undefined;
    throw localIoError(`write ${file}`, cause);
  }
  const isHeld = async (): Promise<boolean> => (await readFile(path, "utf8").catch(() => undefined)) === mark;
  return {
    isHeld,
    release: async () => {
      if (await isHeld()) await rm(path, { force: true }).catch(() => {});
    },
  };
}

function busy(path: string, file: string, cause?: unknown): LocalIoError {
  return new LocalIoError("LOCK_BUSY", `${file} cannot be changed: ${path} marks a change by another process`, {
    cause,
    hint: `make sure that no other buck2-oras is running there, remove ${path}, and run the same command again`,
  });
}

/** @returns undefined if the claim no longer exists. */
async function identityOf(path: string, file: string): Promise<string | undefined> {
  try {
    const found = await lstat(path, { bigint: true });
    // Claims are regular files: a folder, link or pipe of this name is foreign.
    if (!found.isFile()) throw busy(path, file);
    return `${found.dev} ${found.ino} ${found.mtimeNs}`;
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return undefined;
    throw localIoError(`look at ${path}`, cause);
  }
}

/**
 * Removes an abandoned claim. The rename lets only one of several waiters succeed; a waiter that moved a newer claim
 * restores it.
 */
async function takeAway(path: string, file: string, identity: string): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await rename(path, aside);
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return;
    throw busy(path, file, cause);
  }
  if ((await identityOf(aside, file)) !== identity) await link(aside, path).catch(() => {});
  await rm(aside, { force: true }).catch(() => {});
}
