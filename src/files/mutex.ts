/**
 * Locks between processes. `withMutex` only avoids duplicate work: without the lock, the cost is a second download.
 * `withOwnMutex` protects files that are read, changed and written, and fails if the lock is unavailable.
 *
 * A lock is a folder, since `mkdir` is exclusive. The holder updates the folder's time once a second. A lock with an
 * unchanged time is stale. Times are compared only with earlier times of the same folder, since clocks of machines
 * differ.
 */
import type { Stats } from "node:fs";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { LocalIoError, localIoError } from "../errors.ts";
import type { HeldFolder } from "./held-folder.ts";

/** A lock whose time is unchanged for this long is stale: its holder was killed. */
const staleMs = 5000;
/** Interval of a holder's updates. */
const beatMs = 1000;
const maxPauseMs = 250;
/** Waiting time before a warning. */
const silentMs = 2000;
/** Longest wait for locks of other users: they could hold a lock forever to block this user. */
export const foreignWaitMs = 10_000;

/** Remaining waiting time for untrusted holders, shared by several locks. */
export interface Patience {
  leftMs: number;
}

export interface MutexPlace {
  readonly folder: HeldFolder;
  /** Name of the lock's folder, removed after the work. */
  readonly name: string;
  /** Undefined: a lock of this user is awaited without limit. */
  readonly patience?: Patience | undefined;
}

/** A lock beside the file that it protects. */
export interface OwnMutexPlace extends MutexPlace {
  /** Names the protected file in messages. */
  readonly file: string;
}

/** A held lock. */
interface Hold {
  readonly release: () => Promise<void>;
}

/** The result for an unavailable lock. */
const without: Hold = { release: async () => {} };

/**
 * Runs `work` under the lock. Waits for the lock without limit. Continues without the lock if it is unavailable, or if
 * another user's process holds it for longer than the patience.
 */
export async function withMutex<T>(
  place: MutexPlace,
  context: Context,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  return await holding(await acquire(place, context, signal, goOn), work);
}

/**
 * {@link withMutex}, but never without the lock.
 *
 * @throws {LocalIoError} `LOCK_BUSY`
 */
export async function withOwnMutex<T>(
  place: OwnMutexPlace,
  context: Context,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const { file } = place;
  const fail = (path: string, _context: Context, cause: unknown): Hold => {
    if (cause instanceof Error) throw localIoError(`write ${file}`, cause);
    throw new LocalIoError("LOCK_BUSY", `${file} cannot be changed: ${path} ${cause}`, {
      hint: `make sure that no other buck2-oras is running there, remove ${path}, and run the same command again`,
    });
  };
  return await holding(await acquire(place, context, signal, fail), work);
}

async function holding<T>({ release }: Hold, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await release();
  }
}

/** Handler of an unavailable lock. `why` is Node's error, or a predicate whose subject is the lock. */
type Otherwise = (path: string, context: Context, why: unknown) => Hold;

async function acquire(place: MutexPlace, context: Context, signal: AbortSignal, otherwise: Otherwise): Promise<Hold> {
  const { folder, name } = place;
  const { patience = { leftMs: foreignWaitMs } } = place;
  const path = join(folder.path, name);
  const startedMs = context.now();
  let isTold = false;
  let last: { readonly mark: string; readonly sinceMs: number } | undefined;
  for (;;) {
    signal.throwIfAborted();
    try {
      if (await folder.mkdir(name)) return await hold(place, context);
    } catch (cause) {
      return otherwise(path, context, cause);
    }
    const held = await folder.look(name);
    if (held === undefined) continue;
    if (!held.isDirectory()) return otherwise(path, context, "is not a folder");
    const isForeign = place.patience !== undefined || (context.userId !== undefined && held.uid !== context.userId);
    if (isForeign && patience.leftMs <= 0) {
      return otherwise(path, context, `is held by the user ${held.uid} for too long`);
    }
    const mark = markOf(held);
    if (last === undefined) context.log.debug(`another process holds ${path}; waiting for the lock`);
    if (!isTold && context.now() - startedMs >= silentMs) {
      isTold = true;
      context.log.warn(`another process does the same work, or was killed: waiting for its lock ${path}`);
    }
    if (last?.mark !== mark) last = { mark, sinceMs: context.now() };
    if (context.now() - last.sinceMs >= staleMs) {
      context.log.debug(`the lock ${path} is stale`);
      try {
        // Another waiter may have replaced the stale lock meanwhile.
        const now = await folder.look(name);
        if (now !== undefined && markOf(now) === mark) await folder.rmdir(name);
      } catch (cause) {
        return otherwise(path, context, cause);
      }
      continue;
    }
    const pauseMs = 20 + context.random() * maxPauseMs;
    await context.sleep(pauseMs, signal);
    patience.leftMs -= pauseMs;
  }
}

function goOn(path: string, context: Context, why: unknown): Hold {
  const reason = why instanceof Error ? `failed: ${why.message}` : why;
  context.log.debug(`continuing without a lock: ${path} ${reason}`);
  return without;
}

/** Identifies the lock's folder and its last update. */
function markOf({ dev, ino, mtimeMs }: Stats): string {
  return `${dev} ${ino} ${mtimeMs}`;
}

async function hold({ folder, name }: MutexPlace, context: Context): Promise<Hold> {
  const own = (await folder.look(name))?.ino;
  const beat = setInterval(() => {
    // A failure means that another process removed the lock as stale.
    folder.setTime(name, context.now()).catch((error: Error) => {
      context.log.debug(`the lock ${join(folder.path, name)} was lost: ${error.message}`);
    });
  }, beatMs);
  beat.unref();
  return {
    release: async () => {
      clearInterval(beat);
      // A different inode means that another process took the lock over as stale.
      if ((await folder.look(name))?.ino === own) await folder.rmdir(name).catch(() => {});
    },
  };
}
