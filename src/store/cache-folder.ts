/**
 * The cache's root folder: creation, and check for other writers.
 *
 * The path may come from a checkout, contain a typo, or name a shared folder. Therefore only a new or empty folder is
 * marked, and an unmarked folder is never cleared.
 */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { isErrno, LocalIoError, localIoError, UsageError } from "../errors.ts";
import { makeFolder } from "../files/folder.ts";
import { HeldFolder } from "../files/held-folder.ts";
import { sharedBecause } from "../files/ownership.ts";
import { checkCacheVersion, isMarkedCache, markCache, tagName } from "./cache-mark.ts";
import { CacheUnusableError, cacheError, removeHint } from "./damage.ts";
import { cacheNames } from "./paths.ts";

/** Mode of new folders, less the umask. Other users may write only if the root's mode allows it. */
const folderMode = 0o755;
const writableByOthers = 0o022;
/** Permission bits, the setgid bit (inherited group), and the sticky bit (only owners remove entries). */
const sharedModeBits = 0o3777;

const otherCache = "name the cache with --cache-dir or BUCK2_ORAS_CACHE_DIR";

/** Maximum age of a just created folder; allows for the clock of a file server. */
const youngMs = 10_000;

/** Treatment of a missing folder; `leave` returns undefined. */
type Missing = "make" | "leave";

export class CacheFolder {
  readonly #root: string;
  readonly #context: Context;
  readonly #isInCheckout: boolean;
  #preparing: Promise<void> | undefined;
  #looking: Promise<string | undefined> | undefined;

  /**
   * @param root Absolute path.
   * @param isInCheckout True if the checkout's author could have written the cache's content.
   */
  constructor(root: string, isInCheckout: boolean, context: Context) {
    this.#root = root;
    this.#isInCheckout = isInCheckout;
    this.#context = context;
  }

  /** Creates the folders, once per instance. */
  async prepare(): Promise<void> {
    this.#preparing ??= this.#make();
    await this.#preparing;
  }

  /**
   * The reason for not trusting the cache's notes; undefined if only this user can write into the cache. Bytes are
   * verified in either case.
   */
  async sharedBecause(): Promise<string | undefined> {
    this.#looking ??= this.#lookAround();
    return await this.#looking;
  }

  /**
   * Opens the root for removal.
   *
   * @returns undefined for a missing or empty root.
   * @throws {UsageError} not a marked cache
   */
  async openToClear(): Promise<HeldFolder | undefined> {
    const root = this.#root;
    const held = await this.#openRoot().catch((cause: unknown) => {
      throw localIoError(`read ${root}`, cause);
    });
    if (held === undefined) {
      const found = await lstat(root).catch(() => undefined);
      if (found !== undefined) throw new UsageError("USAGE_INVALID", `${root} is not a folder`, { hint: otherCache });
      this.#context.log.warn(`the cache ${root} does not exist`);
      return undefined;
    }
    try {
      if (await isMarkedCache(held)) {
        await checkCacheVersion(held, this.#context.userId);
        return held;
      }
      if ((await held.names()).length > 0) {
        throw new UsageError(
          "USAGE_INVALID",
          `${root} is not a cache of buck2-oras: its ${tagName} is missing or not ours`,
          {
            hint: `${otherCache}; nothing was removed: if ${root} is the cache, remove its \`oras\`, \`metadata\`, \`locks\` and \`tmp\` by hand`,
          },
        );
      }
    } catch (cause) {
      await held.close();
      throw localIoError(`read ${root}`, cause);
    }
    await held.close();
    return undefined;
  }

  /**
   * Opens a folder of the store, held open so that a link in its place cannot redirect writes and removals. The caller
   * closes the folder.
   *
   * @param path Names below the root; missing folders are created.
   * @throws {LocalIoError} also for a link: the store creates none, so a link is foreign
   */
  async open(...path: readonly string[]): Promise<HeldFolder> {
    await this.prepare();
    const folder = await this.#open(path, "make");
    if (folder === undefined) throw await inTheWay(join(this.#root, ...path));
    return folder;
  }

  /** {@link open} for the duration of `work`. */
  async holding<T>(path: readonly string[], work: (folder: HeldFolder) => Promise<T>): Promise<T> {
    const folder = await this.open(...path);
    try {
      return await work(folder);
    } finally {
      await folder.close();
    }
  }

  /** {@link open}, but undefined for a missing entry and for anything but a folder. */
  async find(...path: readonly string[]): Promise<HeldFolder | undefined> {
    return await this.#open(path, "leave");
  }

  async #open(path: readonly string[], missing: Missing): Promise<HeldFolder | undefined> {
    const root = await this.#openRoot();
    let folder = root;
    for (const name of path) {
      const parent: HeldFolder | undefined = folder;
      try {
        folder = await this.#child(parent, name, missing, root?.stats.mode);
      } finally {
        await parent?.close();
      }
    }
    return folder;
  }

  /**
   * Opens the root; a link owned by the user or root is followed.
   *
   * @throws {CacheUnusableError} another user's link
   */
  async #openRoot(): Promise<HeldFolder | undefined> {
    const root = this.#root;
    const { userId } = this.#context;
    const link = await lstat(root).catch(() => undefined);
    if (link?.isSymbolicLink() && userId !== undefined && link.uid !== userId && link.uid !== 0) {
      throw new CacheUnusableError("LOCAL_IO", `the cache ${root} is a link owned by the user ${link.uid}`, {
        hint: otherCache,
      });
    }
    return await HeldFolder.open(root, "follow");
  }

  /** The error for a root that cannot be created; `CacheUnusableError` if another user's entry is in the way. */
  async #unmakeable(cause: unknown): Promise<LocalIoError> {
    const root = this.#root;
    const { userId } = this.#context;
    const found = await lstat(root).catch(() => undefined);
    if (found !== undefined && userId !== undefined && found.uid !== userId) {
      const message = `the cache ${root} cannot be created: its path belongs to the user ${found.uid}`;
      return new CacheUnusableError("LOCAL_IO", message, { cause, hint: otherCache });
    }
    const { code } = localIoError("", cause);
    const other = "name another folder with --cache-dir or BUCK2_ORAS_CACHE_DIR";
    return new LocalIoError(code, `the cache ${root} does not exist and cannot be created`, {
      cause,
      hint: isErrno(cause, "EROFS") ? `${other}: the file system is read-only` : other,
    });
  }

  /** @param rootMode A new folder in a shared root gets the root's mode, so that the cache stays shared. */
  async #child(
    parent: HeldFolder | undefined,
    name: string,
    missing: Missing,
    rootMode = 0,
  ): Promise<HeldFolder | undefined> {
    const found = await parent?.child(name);
    if (found !== undefined || parent === undefined || missing === "leave") return found;
    const isMade = await parent.mkdir(name);
    const folder = await parent.child(name);
    if (folder === undefined || !isMade || (rootMode & writableByOthers) === 0) return folder;
    // Another folder may have taken the name: an older folder of this user keeps its mode.
    const { uid, birthtimeMs } = folder.stats;
    const isYoung = this.#context.now() - birthtimeMs < youngMs;
    const isNew = uid === this.#context.userId && isYoung && (await folder.names()).length === 0;
    if (isNew) await folder.setMode(rootMode & sharedModeBits);
    return folder;
  }

  async #make(): Promise<void> {
    const root = this.#root;
    const { blobs, metadata, tmp, locks } = cacheNames;
    await makeFolder(root, folderMode).catch(async (cause: unknown) => {
      throw await this.#unmakeable(cause);
    });
    try {
      await this.#mark();
      for (const name of [blobs, metadata, tmp, locks]) {
        const folder = await this.#open([name], "make");
        if (folder === undefined) throw await inTheWay(join(root, name));
        await folder.close();
      }
    } catch (cause) {
      throw cacheError(root, cause);
    }
    // An earlier check may have run before the folders existed.
    this.#looking = undefined;
  }

  async #mark(): Promise<void> {
    const held = await this.#openRoot();
    if (held === undefined) return;
    try {
      await markCache(held, this.#context);
    } finally {
      await held.close();
    }
  }

  async #lookAround(): Promise<string | undefined> {
    const root = this.#root;
    if (this.#isInCheckout) return `${root} is in a project's folder`;
    const { blobs, metadata, tmp } = cacheNames;
    return await sharedBecause(root, this.#context.userId, [blobs, metadata, tmp]);
  }
}

/** The error for a missing folder of the store, or another entry in its place. */
async function inTheWay(folder: string): Promise<LocalIoError> {
  const found = await lstat(folder).catch(() => undefined);
  if (found === undefined) {
    return new CacheUnusableError("LOCAL_IO", `${folder} was removed while the cache was in use`, {
      hint: "run the same command again",
    });
  }
  const kind = found.isSymbolicLink() ? "a link" : "not a folder";
  return new CacheUnusableError("LOCAL_IO", `${folder} is ${kind}, where a folder of the cache is expected`, {
    hint: removeHint,
  });
}
