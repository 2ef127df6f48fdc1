/**
 * Blobs as they lie in the cache folder: what is handed out was hashed through the handle that it is read by.
 *
 * Disks and people damage files, and another user may put a file in the place of another one. What does not have its digest is thrown
 * away.
 */
import { createHash } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { copyFile, type FileHandle, lstat, lutimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isExecutable } from "../archive/executable.ts";
import type { Context } from "../context.ts";
import { ContentVerificationError, isErrno, localIoError } from "../errors.ts";
import { type HashedFile, headBytes, type SizeBound, writeHashed } from "../files/hashed-write.ts";
import type { HeldFolder } from "../files/held-folder.ts";
import { type OpenedFile, openFile, piecesOf, readHead, UnfitFileError } from "../files/opened-file.ts";
import { isWritableByOthers } from "../files/ownership.ts";
import { placeAtomically, placedMode } from "../files/place.ts";
import { createUnnamedTemporary } from "../files/unnamed-file.ts";
import { type Digest, digestFromHex, digestHex } from "../model/digest.ts";
import type { CacheFolder } from "./cache-folder.ts";
import { CacheUnusableError, cacheError, removeHint } from "./damage.ts";
import { blobPath, cacheNames, shardOf, stagedNames, uniqueName } from "./paths.ts";
import type { MaterializeOptions, StoredContent } from "./store.ts";
import { VerifiedFiles } from "./verified-files.ts";

const readBytes = 1024 * 1024;

export class VerifiedBlobs {
  readonly #root: string;
  readonly #folder: CacheFolder;
  readonly #context: Context;
  readonly #fresh = new VerifiedFiles();

  constructor(root: string, folder: CacheFolder, context: Context) {
    this.#root = root;
    this.#folder = folder;
    this.#context = context;
  }

  async find(digest: Digest, size: number | undefined): Promise<StoredContent | undefined> {
    const path = blobPath(this.#root, digest);
    const found = await this.lookAt(path);
    if (found === undefined) return undefined;
    const isOther = size !== undefined && found.size !== size;
    // Another user's file may be of any length: nobody hashes a terabyte of his to see whether the stated size is wrong.
    if (!found.isFile() || (isOther && (await this.#folder.sharedBecause()) !== undefined)) {
      throw await this.#damaged(digest);
    }
    return { digest, size: found.size, path };
  }

  async verify(digest: Digest, signal: AbortSignal): Promise<void> {
    await this.#opened(digest, (file) => this.#verifyOpened(digest, file, signal));
  }

  async read<T>(digest: Digest, signal: AbortSignal, work: (file: OpenedFile) => Promise<T>): Promise<T> {
    return await this.#opened(digest, async (file) => {
      if (!(await this.#isShared(file))) {
        await this.#verifyOpened(digest, file, signal);
        return await work(file);
      }
      // Its owner may write into it while it is read: what was verified has to be a copy.
      const copy = await this.#createCopy();
      try {
        await copy.append(piecesOf(file, readBytes, signal), await this.#asLongAs(digest, file), signal);
        if (copy.written().digest !== digest) throw await this.#damaged(digest);
        return await work({ ...file, handle: copy.handle, size: copy.size });
      } finally {
        await copy.close();
      }
    });
  }

  /** A file that nobody else can open: in the cache, which has room for what it holds, or elsewhere if nothing can be written there. */
  async #createCopy(): Promise<HashedFile> {
    const tmp = await this.#folder.find(cacheNames.tmp).catch(() => undefined);
    try {
      const copy = await tmp?.createUnnamed(stagedNames.content(uniqueName())).catch(() => undefined);
      return copy ?? (await createUnnamedTemporary(`buck2-oras-copy-${uniqueName()}`));
    } finally {
      await tmp?.close();
    }
  }

  async materialize(digest: Digest, output: string, options: MaterializeOptions, signal: AbortSignal): Promise<void> {
    await this.#opened(digest, async (file) => {
      await placeAtomically(output, async (staged) => {
        const head = await this.#copyTo(staged, digest, file, signal);
        return { mode: placedMode(options.executable ?? isExecutable(head)) };
      });
      await this.#touch(file);
    });
  }

  /** Notes that the open file at a blob's path was verified while it was written. */
  async addVerified(path: string, handle: FileHandle): Promise<void> {
    await this.#fresh.add(path, handle);
  }

  /** Looks at a blob's path, which may lead to no file; a link is not followed, neither there nor in the place of the store's folders. */
  async lookAt(path: string): Promise<Stats | undefined> {
    try {
      return (await this.#isReached(path)) ? await lstat(path) : undefined;
    } catch (cause) {
      if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) return undefined;
      throw cacheError(this.#root, cause);
    }
  }

  /** False where a link stands in the place of a folder of the store: it leads to what is not the store's. */
  async #isReached(path: string): Promise<boolean> {
    const folder = dirname(path);
    return (await lstat(dirname(folder))).isDirectory() && (await lstat(folder)).isDirectory();
  }

  /**
   * Removes what has a blob's name. A folder with things in it is none of the store's, and is moved away; where others can write only once, so
   * that nobody fills the disk with what is kept for him.
   *
   * @throws {CacheUnusableError} it stays, since it cannot be removed or was put there again
   */
  async discard(digest: Digest): Promise<void> {
    const folder = await this.#folder.find(...shardOf(digest));
    if (folder === undefined) return;
    const name = digestHex(digest);
    try {
      if ((await folder.look(name))?.isDirectory() !== true) return void (await folder.unlink(name));
      await folder.rmdir(name).catch(async () => await this.#displace(name, folder));
    } catch (cause) {
      throw unremovable(join(folder.path, name), cause);
    } finally {
      await folder.close();
    }
  }

  async #displace(name: string, folder: HeldFolder): Promise<void> {
    // In a folder of this user's own it is an accident, and nobody makes it happen again and again.
    const isShared = (await this.#folder.sharedBecause()) !== undefined;
    const kept = isShared ? `${name}.displaced` : `${name}.displaced-${uniqueName()}`;
    if ((await folder.look(kept)) !== undefined) {
      const [there, other] = [join(folder.path, name), join(folder.path, kept)];
      throw new CacheUnusableError("LOCAL_IO", `a folder is in the place of the cached file ${there}`, {
        hint: `remove it and ${other}, where the one before it is, or name another cache with --cache-dir`,
      });
    }
    await folder.move(name, folder, kept);
    this.#context.log.warn(`a folder was in the place of a cached file; it is ${join(folder.path, kept)} now`);
  }

  /** Opens a blob; what is no file there, or a link, is damage. */
  async #opened<T>(digest: Digest, work: (file: OpenedFile) => Promise<T>): Promise<T> {
    const path = blobPath(this.#root, digest);
    let file: OpenedFile;
    try {
      if (!(await this.#isReached(path))) throw await this.#damaged(digest);
      file = await openFile(path, "refuse");
    } catch (cause) {
      if (cause instanceof ContentVerificationError) throw cause;
      // Another user's file that may not be read is as good as none.
      const isOther = ["ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "EACCES"].some((code) => isErrno(cause, code));
      throw isOther || cause instanceof UnfitFileError ? await this.#damaged(digest) : cacheError(this.#root, cause);
    }
    try {
      return await work(file);
    } finally {
      await file.handle.close();
    }
  }

  async #verifyOpened(digest: Digest, file: OpenedFile, signal: AbortSignal): Promise<void> {
    const { path, handle } = file;
    if (!(await this.#isVerified(file))) {
      const hash = createHash("sha256");
      try {
        for await (const piece of piecesOf(file, readBytes, signal)) hash.update(piece);
      } catch (cause) {
        signal.throwIfAborted();
        throw localIoError(`read ${path}`, cause);
      }
      if (digestFromHex(hash.digest("hex")) !== digest) throw await this.#damaged(digest);
      await this.#fresh.add(path, handle);
    }
    await this.#touch(file);
  }

  /** @returns The first bytes. */
  async #copyTo(staged: string, digest: Digest, file: OpenedFile, signal: AbortSignal): Promise<Uint8Array> {
    if (await this.#isVerified(file)) {
      await copyFile(file.path, staged, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      return await readHead(file, headBytes);
    }
    const bound = await this.#asLongAs(digest, file);
    const copied = await writeHashed(staged, piecesOf(file, readBytes, signal), bound, signal);
    if (copied.digest !== digest) throw await this.#damaged(digest);
    return copied.head;
  }

  /** It may grow while it is read. */
  async #asLongAs(digest: Digest, { size }: OpenedFile): Promise<SizeBound> {
    const damaged = await this.#damage(digest);
    return { maxBytes: size, tooLong: () => damaged };
  }

  /** True for what this process verified a moment ago, where nobody else can have changed it since. */
  async #isVerified(file: OpenedFile): Promise<boolean> {
    return (await this.#fresh.has(file.path, file.handle)) && !(await this.#isShared(file));
  }

  /** A folder that was shared once may still hold files of others. */
  async #isShared({ path, handle }: OpenedFile): Promise<boolean> {
    if ((await this.#folder.sharedBecause()) !== undefined) return true;
    const { userId } = this.#context;
    return isWritableByOthers(await handle.stat(), userId) || isWritableByOthers(await lstat(dirname(path)), userId);
  }

  async #damaged(digest: Digest): Promise<ContentVerificationError> {
    await this.discard(digest);
    return await this.#damage(digest);
  }

  async #damage(digest: Digest): Promise<ContentVerificationError> {
    const shared = await this.#folder.sharedBecause();
    const advice =
      shared === undefined ? "" : `; the cache is not yours alone (${shared}): --cache-dir names another one`;
    return new ContentVerificationError("CACHE_DAMAGED", `the cached file of ${digest} was damaged`, {
      hint: `it was thrown away: run the same command with the registry within reach to fetch it anew${advice}`,
    });
  }

  /** Notes the use, for `clear`; a cache of somebody else's is used all the same. */
  async #touch({ path, handle }: OpenedFile): Promise<void> {
    const { mtime } = await handle.stat();
    const now = this.#context.now() / 1000;
    // Windows changes no times through a handle for reading.
    await handle.utimes(now, mtime).catch(() => lutimes(path, now, mtime).catch(() => {}));
  }
}

function unremovable(path: string, cause: unknown): CacheUnusableError {
  if (cause instanceof CacheUnusableError) return cause;
  const { code } = localIoError("", cause);
  return new CacheUnusableError(code, `${path} is damaged and cannot be removed`, {
    cause,
    hint: removeHint,
  });
}
