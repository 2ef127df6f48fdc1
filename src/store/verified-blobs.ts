/**
 * Verified reads of stored blobs: a blob is hashed through the handle that serves the reader.
 *
 * Disks and people can damage files, and other users can replace files. A blob with another digest is removed.
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
import { release } from "../files/released-bytes.ts";
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
    // Another user's file may have any length: its size is compared before a possible terabyte is hashed.
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
      // The owner could write into the file during the read: only a private copy stays verified.
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

  /**
   * A private file without a name: in the cache, else in the system's temporary folder if the cache is not writable.
   */
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

  /** Records that the open file at a blob's path was verified during its write. */
  async addVerified(path: string, handle: FileHandle): Promise<void> {
    await this.#fresh.add(path, handle);
  }

  /** `lstat()` of a blob's path; undefined for a missing entry, and behind a link in place of the store's folders. */
  async lookAt(path: string): Promise<Stats | undefined> {
    try {
      return (await this.#isReached(path)) ? await lstat(path) : undefined;
    } catch (cause) {
      if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) return undefined;
      throw cacheError(this.#root, cause);
    }
  }

  /** False if a link replaced a folder of the store: the link leads to foreign files. */
  async #isReached(path: string): Promise<boolean> {
    const folder = dirname(path);
    return (await lstat(dirname(folder))).isDirectory() && (await lstat(folder)).isDirectory();
  }

  /**
   * Removes the entry with a blob's name. A non-empty folder is foreign, and is moved aside. In a shared cache this
   * happens only once per blob, so that nobody can fill the disk with moved folders.
   *
   * @throws {CacheUnusableError} the entry cannot be removed, or a folder was already moved aside
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
    // In a private cache a folder is an accident, which no attacker can repeat.
    const isShared = (await this.#folder.sharedBecause()) !== undefined;
    const kept = isShared ? `${name}.displaced` : `${name}.displaced-${uniqueName()}`;
    if ((await folder.look(kept)) !== undefined) {
      const [there, other] = [join(folder.path, name), join(folder.path, kept)];
      throw new CacheUnusableError("LOCAL_IO", `a folder is in the place of the cached file ${there}`, {
        hint: `remove ${there} and the earlier folder ${other}, or name another cache with --cache-dir`,
      });
    }
    await folder.move(name, folder, kept);
    this.#context.log.warn(`moved a folder that was in the place of a cached file to ${join(folder.path, kept)}`);
  }

  /** Runs `work` with the open blob; a link or anything but a file is damage. */
  async #opened<T>(digest: Digest, work: (file: OpenedFile) => Promise<T>): Promise<T> {
    const path = blobPath(this.#root, digest);
    let file: OpenedFile;
    try {
      if (!(await this.#isReached(path))) throw await this.#damaged(digest);
      file = await openFile(path, "refuse");
    } catch (cause) {
      if (cause instanceof ContentVerificationError) throw cause;
      // Another user's unreadable file counts as damage.
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
        for await (const piece of piecesOf(file, readBytes, signal)) {
          hash.update(piece);
          release(piece);
        }
      } catch (cause) {
        signal.throwIfAborted();
        throw localIoError(`read ${path}`, cause);
      }
      if (digestFromHex(hash.digest("hex")) !== digest) throw await this.#damaged(digest);
    }
    await this.#touch(file);
    // After the touch, which is a change of the file, too.
    await this.#fresh.add(path, handle);
  }

  /** Copies and verifies a blob. @returns The first bytes. */
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

  /** A bound of the file's current size: the file may grow during the read. */
  async #asLongAs(digest: Digest, { size }: OpenedFile): Promise<SizeBound> {
    const damaged = await this.#damage(digest);
    return { maxBytes: size, tooLong: () => damaged };
  }

  /** True for a file that this process verified and nobody else could change since. */
  async #isVerified(file: OpenedFile): Promise<boolean> {
    return (await this.#fresh.has(file.path, file.handle)) && !(await this.#isShared(file));
  }

  /** Checks the file too: a formerly shared folder may still hold other users' files. */
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
      shared === undefined
        ? ""
        : `; name a private cache with --cache-dir, since other users can write here (${shared})`;
    return new ContentVerificationError("CACHE_DAMAGED", `the cached file of ${digest} was damaged and removed`, {
      hint: `run the same command again with access to the registry, to fetch the file${advice}`,
    });
  }

  /** Records the use, for `clear`. Best effort: the cache may belong to another user. */
  async #touch({ path, handle }: OpenedFile): Promise<void> {
    const { mtime } = await handle.stat();
    const now = this.#context.now() / 1000;
    // Windows cannot set times through a read-only handle.
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
