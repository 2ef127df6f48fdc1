/**
 * Mutual exclusion for the moment in which a file is read, changed and replaced. `lock.ts` only spares work; what is changed without
 * a claim would be lost.
 *
 * A claim is a file that one process alone can make. It is held for milliseconds, so one that stays the same for seconds was left by
 * a process that was killed. Everybody measures that by himself: no clock is compared with another, and no process number, which
 * means another process in another container.
 */
import { randomBytes } from "node:crypto";
import { link, lstat, open, readFile, rename, rm } from "node:fs/promises";
import type { Context } from "../context.ts";
import { isErrno, LocalIoError, localIoError } from "../errors.ts";

/** A claim that stays the same for so long has nobody behind it. */
const abandonedMs = 5000;
const maxWaitMs = 40;

export interface Claim {
  /** False when it was taken away, since this process stood still for too long. */
  readonly isHeld: () => Promise<boolean>;
  readonly release: () => Promise<void>;
}

/**
 * Waits until nobody else has the claim.
 *
 * @param path Of the claim, beside the file that it is for.
 * @param file Names the file in messages.
 * @throws {LocalIoError} `LOCK_BUSY`: something is in its place that this process may not take away
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
      if (seen === undefined) context.log.debug(`another process changes ${file}; waiting for it`);
      seen = { identity, sinceMs: performance.now() };
    } else if (performance.now() - seen.sinceMs > abandonedMs) {
      context.log.debug(`${path} was left behind and is taken away`);
      await takeAway(path, file, identity);
      continue;
    }
    await context.sleep(5 + context.random() * maxWaitMs, signal);
  }
}

/** @returns undefined when somebody else has it. */
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
  return new LocalIoError("LOCK_BUSY", `${file} cannot be changed: ${path} says that another process does so`, {
    cause,
    hint: "remove it when no other buck2-oras is at work there, and run the same command again",
  });
}

/** @returns undefined when it is gone. */
async function identityOf(path: string, file: string): Promise<string | undefined> {
  try {
    const found = await lstat(path, { bigint: true });
    // Somebody else's folder, link or pipe is not ours to remove.
    if (!found.isFile()) throw busy(path, file);
    return `${found.dev} ${found.ino} ${found.mtimeNs}`;
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return undefined;
    throw localIoError(`look at ${path}`, cause);
  }
}

/** One of several processes that find a claim abandoned takes it away. A process that took a new claim by mistake gives it back. */
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
