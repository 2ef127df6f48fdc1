/**
 * The cache's own folder: made, marked as one, and looked at for who else can write there.
 *
 * A checkout may name it, a neighbour may share it, a person may mistype it. So it is marked only where it was made or empty, and what is
 * not marked is never cleared.
 */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { ConfigurationError, isErrno, LocalIoError, localIoError, UsageError } from "../errors.ts";
import { makeFolder } from "../files/folder.ts";
import { HeldFolder } from "../files/held-folder.ts";
import { readHead } from "../files/opened-file.ts";
import { sharedBecause } from "../files/ownership.ts";
import { CacheUnusableError, cacheError, removeHint } from "./damage.ts";
import { cacheNames } from "./paths.ts";

/** https://bford.info/cachedir/: backup programs leave the folder out. */
const tagName = "CACHEDIR.TAG";
const tag = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of buck2-oras.\n";
/** A later format of the folder has a higher number; a cache from before this file has format 1, too. */
const versionName = "version";
const version = 1;
const maxMarkBytes = 1024;

/** Whatever the umask leaves: others than the owner write only where the cache's own folder says so. */
const folderMode = 0o755;
const writableByOthers = 0o022;
/** Permissions, the bit that hands a folder's group down, and the one by which nobody removes what is somebody else's. */
const sharedModeBits = 0o3777;

const otherCache = "name the cache with --cache-dir or BUCK2_ORAS_CACHE_DIR";

/** A folder that was made a moment ago is younger, whatever the clock of a file server says. */
const youngMs = 10_000;

/** Whether a folder that is missing is made; if not, it is undefined. */
type Missing = "make" | "leave";

export class CacheFolder {
  readonly #root: string;
  readonly #context: Context;
  readonly #isInCheckout: boolean;
  #preparing: Promise<void> | undefined;
  #looking: Promise<string | undefined> | undefined;

  /**
   * @param root Absolute path of the cache's own folder.
   * @param isInCheckout Who wrote the project's files could have written what is in the cache.
   */
  constructor(root: string, isInCheckout: boolean, context: Context) {
    this.#root = root;
    this.#isInCheckout = isInCheckout;
    this.#context = context;
  }

  /** Makes the folders, once. */
  async prepare(): Promise<void> {
    this.#preparing ??= this.#make();
    await this.#preparing;
  }

  /**
   * Why what the cache says of itself is not believed; undefined where the folder is this user's alone. Bytes are verified in either
   * case.
   */
  async sharedBecause(): Promise<string | undefined> {
    this.#looking ??= this.#lookAround();
    return await this.#looking;
  }

  /** Opens the folder for removal. @returns undefined where there is nothing. @throws {UsageError} it is no cache of ours */
  async openToClear(): Promise<HeldFolder | undefined> {
    const root = this.#root;
    const held = await this.#openRoot().catch((cause: unknown) => {
      throw localIoError(`read ${root}`, cause);
    });
    if (held === undefined) {
      const found = await lstat(root).catch(() => undefined);
      if (found !== undefined) throw new UsageError("USAGE_INVALID", `${root} is not a folder`, { hint: otherCache });
      this.#context.log.warn(`there is no cache ${root}`);
      return undefined;
    }
    try {
      if ((await this.#readMark(held, tagName)) === tag) {
        await this.#checkVersion(held);
        return held;
      }
      if ((await held.names()).length > 0) {
        throw new UsageError(
          "USAGE_INVALID",
          `${root} is not a cache of buck2-oras: its ${tagName} is missing or not ours`,
          {
            hint: "nothing was removed: name the cache with --cache-dir or BUCK2_ORAS_CACHE_DIR; where other things lie in it, remove `oras`, `metadata`, `locks` and `tmp` there by hand",
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
   * Opens a folder of the store: what is written and removed there is so in this folder, whoever puts a link in its place meanwhile.
   * The caller closes it.
   *
   * @param path Its names below the cache's own folder; those that are missing are made.
   * @throws {LocalIoError} The store makes no links: one of such a name leads where somebody else wants files of ours.
   */
  async open(...path: readonly string[]): Promise<HeldFolder> {
    await this.prepare();
    const folder = await this.#open(path, "make");
    if (folder === undefined) throw await inTheWay(join(this.#root, ...path));
    return folder;
  }

  /** {@link open} for the time of `work`. */
  async holding<T>(path: readonly string[], work: (folder: HeldFolder) => Promise<T>): Promise<T> {
    const folder = await this.open(...path);
    try {
      return await work(folder);
    } finally {
      await folder.close();
    }
  }

  /** {@link open}, but undefined for what is missing, or is no folder. */
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
   * The user may have put a link in the cache's place.
   *
   * @throws {CacheUnusableError} somebody else did
   */
  async #openRoot(): Promise<HeldFolder | undefined> {
    const root = this.#root;
    const { userId } = this.#context;
    const link = await lstat(root).catch(() => undefined);
    if (link?.isSymbolicLink() && userId !== undefined && link.uid !== userId && link.uid !== 0) {
      throw new CacheUnusableError("LOCAL_IO", `the cache ${root} is a link of the user ${link.uid}`, {
        hint: otherCache,
      });
    }
    return await HeldFolder.open(root, "follow");
  }

  /** @returns The error for a cache that is not there: one that somebody else is in the way of can be done without. */
  async #unmakeable(cause: unknown): Promise<LocalIoError> {
    const root = this.#root;
    const { userId } = this.#context;
    const found = await lstat(root).catch(() => undefined);
    if (found !== undefined && userId !== undefined && found.uid !== userId) {
      const message = `something that belongs to the user ${found.uid} is in the place of the cache ${root}`;
      return new CacheUnusableError("LOCAL_IO", message, { cause, hint: otherCache });
    }
    const { code, hint } = localIoError("", cause);
    const other = "name another folder with --cache-dir or BUCK2_ORAS_CACHE_DIR";
    return new LocalIoError(code, `the cache ${root} does not exist and cannot be made`, {
      cause,
      hint: isErrno(cause, "EROFS") && hint !== undefined ? hint : other,
    });
  }

  /** @param rootMode Whoever shares the cache's own folder, as its mode says, shares what is made in it, too. */
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
    // By now another one may have its name: what this user keeps from others stays so.
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
      await this.#mark(root);
      for (const name of [blobs, metadata, tmp, locks]) {
        const folder = await this.#open([name], "make");
        if (folder === undefined) throw await inTheWay(join(root, name));
        await folder.close();
      }
    } catch (cause) {
      throw cacheError(root, cause);
    }
    // What was looked at before may not have been there.
    this.#looking = undefined;
  }

  /** The tag first: whoever finds it knows whose folder it is, while the rest is still made. */
  async #mark(root: string): Promise<void> {
    const held = await this.#openRoot();
    if (held === undefined) return;
    try {
      const names = await held.names();
      const found = await this.#readMark(held, tagName).catch(() => "");
      // Another process may be in the middle of writing it, and another user's may not be ours to read.
      const isMarked = found !== undefined && tag.startsWith(found);
      if (names.length > 0 && !isMarked) {
        this.#context.log.warn(
          `${root} is used as the cache though it was not empty: it gets no ${tagName}, and \`clear-cache\` leaves it alone`,
        );
        return;
      }
      await this.#checkVersion(held);
      const make = async (name: string, text: string): Promise<void> => {
        // Whoever may use the folder may read it.
        await held.writeNew(name, text, (held.stats.mode & 0o044) | 0o600).catch((cause: unknown) => {
          if (!isErrno(cause, "EEXIST")) throw cause;
        });
      };
      if (!names.includes(tagName)) await make(tagName, tag);
      if (!names.includes(versionName)) await make(versionName, `${version}\n`);
    } finally {
      await held.close();
    }
  }

  async #checkVersion(held: HeldFolder): Promise<void> {
    // Whoever else can write there could stop every command with it.
    const isShared = (await sharedBecause(held.path, this.#context.userId)) !== undefined;
    const text = isShared ? undefined : await this.#readMark(held, versionName).catch(() => undefined);
    const found = text === undefined ? version : Number.parseInt(text, 10);
    if (!(found > version)) return;
    throw new ConfigurationError(
      "CACHE_NEWER",
      `the cache ${held.path} was made by a newer buck2-oras: its format is ${found}`,
      {
        hint: "update buck2-oras, or name another folder with --cache-dir or BUCK2_ORAS_CACHE_DIR",
      },
    );
  }

  /** @returns undefined where there is none, or what no file of ours is. @throws Node's error for one that this user may not read */
  async #readMark(held: HeldFolder, name: string): Promise<string | undefined> {
    const file = await held.openFile(name).catch((cause: unknown) => {
      if (isErrno(cause, "EACCES")) throw cause;
    });
    if (!file) return undefined;
    try {
      return Buffer.from(await readHead(file, maxMarkBytes)).toString("utf8");
    } finally {
      await file.handle.close();
    }
  }

  async #lookAround(): Promise<string | undefined> {
    const root = this.#root;
    if (this.#isInCheckout) return `${root} lies in a project's folder`;
    const { blobs, metadata, tmp } = cacheNames;
    return await sharedBecause(root, this.#context.userId, [blobs, metadata, tmp]);
  }
}

/** Something else than a folder, where the store has one. */
async function inTheWay(folder: string): Promise<LocalIoError> {
  const found = await lstat(folder).catch(() => undefined);
  if (found === undefined) {
    return new CacheUnusableError("LOCAL_IO", `${folder} was removed while the cache was in use`, {
      hint: "run the same command again",
    });
  }
  const kind = found.isSymbolicLink() ? "a link" : "no folder";
  return new CacheUnusableError("LOCAL_IO", `${folder} is ${kind}, where a folder of the cache is expected`, {
    hint: removeHint,
  });
}
