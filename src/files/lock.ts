/**
 * Locks between processes. `withLock` only spares work that another process does already: a lock that cannot be had, or is lost, costs
 * a download and nothing else. `withOwnLock` is for files that are read, changed and written, and fails where it cannot be had.
 *
 * A lock is a folder, since `mkdir` fails where there is one. Its holder sets the folder's time once a second; a lock whose time stands
 * still has no holder any more. Times are compared with each other, never with the clock here: those of another machine may differ.
 */
import type { Stats } from "node:fs";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { LocalIoError, localIoError } from "../errors.ts";
import type { HeldFolder } from "./held-folder.ts";

/** A holder that was killed is noticed after this long. */
const staleMs = 5000;
/** How often a holder says that it is alive. */
const beatMs = 1000;
const maxPauseMs = 250;
/** A person wonders after this long. */
const silentMs = 2000;
/** Another user may hold a lock for as long as he likes, and means no harm to himself by it. */
export const foreignWaitMs = 10_000;

/** For how long somebody is waited for who may mean no good; what is waited for one lock is taken from the next one's. */
export interface Patience {
  leftMs: number;
}

/** Where a lock is. */
export interface LockPlace {
  readonly folder: HeldFolder;
  /** Nothing is left there afterwards. */
  readonly name: string;
  /** Undefined: a lock of this user's is waited for as long as it is held. */
  readonly patience?: Patience | undefined;
}

/** A lock that is held. */
interface Hold {
  readonly release: () => Promise<void>;
}

/** Stands for a lock that cannot be had. */
const without: Hold = { release: async () => {} };

/**
 * Runs `work` while no other process runs work of the same lock. Waits as long as that takes; goes on without the lock when it
 * cannot be had, or when another user's process holds it for long.
 */
export async function withLock<T>(
  place: LockPlace,
  context: Context,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  return await holding(await acquire(place, context, signal, goOn), work);
}

/**
 * {@link withLock}, but never without the lock.
 *
 * @param file That is changed; names it in messages.
 * @throws {LocalIoError} `LOCK_BUSY`
 */
export async function withOwnLock<T>(
  place: LockPlace,
  file: string,
  context: Context,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const fail = (path: string, _context: Context, cause: unknown): Hold => {
    if (cause instanceof Error) throw localIoError(`write ${file}`, cause);
    throw new LocalIoError("LOCK_BUSY", `${file} cannot be changed: ${path} stands beside it, and ${cause}`, {
      hint: "remove it when no other buck2-oras is at work there, and run the same command again",
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

/** The way on without a lock: `why` is Node's error, or the end of a sentence. */
type Otherwise = (path: string, context: Context, why: unknown) => Hold;

async function acquire(place: LockPlace, context: Context, signal: AbortSignal, otherwise: Otherwise): Promise<Hold> {
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
    if (!held.isDirectory()) return otherwise(path, context, "is no folder");
    const isForeign = place.patience !== undefined || (context.userId !== undefined && held.uid !== context.userId);
    if (isForeign && patience.leftMs <= 0) {
      return otherwise(path, context, `the user ${held.uid} has held it for long`);
    }
    const mark = markOf(held);
    if (last === undefined) context.log.debug(`another process holds ${path}; waiting for it`);
    if (!isTold && context.now() - startedMs >= silentMs) {
      isTold = true;
      context.log.warn(`another process does this already, or was killed: waiting for its lock ${path}`);
    }
    if (last?.mark !== mark) last = { mark, sinceMs: context.now() };
    if (context.now() - last.sinceMs >= staleMs) {
      context.log.debug(`the holder of ${path} is gone`);
      try {
        // Another one that waits may have taken it over since.
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
  context.log.debug(`went on without the lock ${path}: ${why instanceof Error ? why.message : why}`);
  return without;
}

/** The same as long as nobody takes the lock anew or says that he is alive. */
function markOf({ dev, ino, mtimeMs }: Stats): string {
  return `${dev} ${ino} ${mtimeMs}`;
}

async function hold({ folder, name }: LockPlace, context: Context): Promise<Hold> {
  const own = (await folder.look(name))?.ino;
  const beat = setInterval(() => {
    // Whoever took it for stale has it now.
    folder.setTime(name, context.now()).catch((error: Error) => {
      context.log.debug(`the lock ${join(folder.path, name)} was lost: ${error.message}`);
    });
  }, beatMs);
  beat.unref();
  return {
    release: async () => {
      clearInterval(beat);
      // One that was taken for stale belongs to somebody else now.
      if ((await folder.look(name))?.ino === own) await folder.rmdir(name).catch(() => {});
    },
  };
}
