/**
 * Content-addressed store: a file's name is the SHA-256 of its bytes.
 *
 * Invariant: a path under `oras/` was verified when it was written. Writers stage in `tmp/`, hash while writing, then
 * rename. Disks and people damage files all the same, so bytes are hashed again whenever they are placed.
 * Knows nothing of registries, platforms or lock files.
 */
import { createHash, randomBytes } from "node:crypto";
import { constants, createReadStream, type Stats } from "node:fs";
import { chmod, copyFile, lstat, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isExecutable } from "../archive/executable.ts";
import type { Context } from "../context.ts";
import { ContentVerificationError, isErrno, localIoError, OrasClientError, UsageError } from "../errors.ts";
import { makeFolder } from "../files/folder.ts";
import { headBytes, type SizeBound, type WrittenFile, writeHashed } from "../files/hashed-write.ts";
import { withLock } from "../files/lock.ts";
import { placeAtomically, placedMode } from "../files/place.ts";
import { type Digest, digestFromHex } from "../model/digest.ts";
import type { BlobIdentity } from "../model/source.ts";
import { type ClearRequest, type ClearResult, clearStore } from "./clear.ts";
import { FreshFiles } from "./fresh-files.ts";
import { identityCheck } from "./identity-check.ts";
import { type Metadata, readMetadataFile, writeMetadataFile } from "./metadata.ts";
import { openPartialBlob, type PartialBlob } from "./partial-blob.ts";
import { blobPath, metadataPath, type StorePaths, storePaths } from "./paths.ts";
import type { MaterializeOptions, Store, StoredContent } from "./store.ts";

/** https://bford.info/cachedir/: backup programs leave the folder out. */
const cacheDirTag = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of buck2-oras.\n";
const readBytes = 1024 * 1024;

class FileStore implements Store {
  readonly #paths: StorePaths;
  readonly #context: Context;
  #isReady: Promise<void> | undefined;
  readonly #fresh = new FreshFiles();

  constructor(cacheDir: string, context: Context) {
    this.#paths = storePaths(cacheDir);
    this.#context = context;
  }

  async find(digest: Digest): Promise<StoredContent | undefined> {
    const path = blobPath(this.#paths, digest);
    const found = await this.#lookAt(path);
    if (found === undefined) return undefined;
    if (!found.isFile()) throw await this.#damaged(digest, path);
    return { digest, size: found.size, path };
  }

  async ingest(expected: BlobIdentity, source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string> {
    const path = blobPath(this.#paths, expected.digest);
    if ((await this.#lookAt(path))?.isFile()) return path;
    const { check, bound } = identityCheck(expected);
    return (await this.#write(source, bound, check, signal)).path;
  }

  async receive(expected: BlobIdentity, signal: AbortSignal): Promise<PartialBlob> {
    await this.#prepare();
    const deps = {
      folder: this.#paths.tmp,
      unique: uniqueName,
      publish: (staged: string, written: WrittenFile) => this.#publish(staged, written),
    };
    try {
      return await openPartialBlob(expected, deps, signal);
    } catch (cause) {
      throw this.#writeError(cause);
    }
  }

  async ingestContent(source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<StoredContent> {
    return await this.#write(source, undefined, () => {}, signal);
  }

  async verify(digest: Digest, signal: AbortSignal): Promise<void> {
    const path = blobPath(this.#paths, digest);
    if (await this.#fresh.has(path)) return await this.#touch(path);
    const hash = createHash("sha256");
    try {
      for await (const chunk of createReadStream(path, { highWaterMark: readBytes, signal })) hash.update(chunk);
    } catch (cause) {
      signal.throwIfAborted();
      if (isErrno(cause, "EISDIR") || isErrno(cause, "ENOENT")) throw await this.#damaged(digest, path);
      throw localIoError(`read ${path}`, cause);
    }
    if (digestFromHex(hash.digest("hex")) !== digest) throw await this.#damaged(digest, path);
    await this.#fresh.add(path);
    await this.#touch(path);
  }

  async materialize(digest: Digest, output: string, options: MaterializeOptions, signal: AbortSignal): Promise<void> {
    const path = blobPath(this.#paths, digest);
    await placeAtomically(output, async (staged) => {
      try {
        if (await this.#fresh.has(path)) {
          await copyFile(path, staged, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
        } else {
          await this.#copyVerified(digest, path, staged, signal);
        }
      } catch (cause) {
        // The same errors come from the output's side, which says nothing of the blob.
        if (!(cause instanceof OrasClientError) && !(await this.#lookAt(path))?.isFile())
          throw await this.#damaged(digest, path);
        throw cause;
      }
      return { mode: placedMode(options.executable ?? isExecutable(await readHead(staged))) };
    });
    await this.#touch(path);
  }

  async withLock<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#prepare();
    try {
      return await withLock(join(this.#paths.locks, `${key}.lock`), this.#context, signal, work);
    } catch (cause) {
      throw cause instanceof Error && "syscall" in cause ? localIoError(`lock in ${this.#paths.locks}`, cause) : cause;
    }
  }

  async readMetadata(reference: string, platform: string): Promise<Metadata | undefined> {
    return await readMetadataFile(metadataPath(this.#paths, reference, platform));
  }

  async writeMetadata(
    reference: string,
    platform: string,
    metadata: Omit<Metadata, "artifact_ref" | "cached_at">,
  ): Promise<void> {
    await this.#prepare();
    const cachedAt = new Date(this.#context.now()).toISOString();
    const file = metadataPath(this.#paths, reference, platform);
    await writeMetadataFile(this.#paths, file, { artifact_ref: reference, ...metadata, cached_at: cachedAt });
  }

  async clear(request: ClearRequest): Promise<ClearResult> {
    await this.#checkOwnFolder();
    return await clearStore(this.#paths, request, this.#context.now());
  }

  async clearWhenDue(request: ClearRequest, intervalMs: number): Promise<ClearResult | undefined> {
    const stamp = join(this.#paths.root, "cleared");
    const last = await stat(stamp).catch(() => undefined);
    const nowMs = this.#context.now();
    if (last !== undefined && last.mtimeMs > nowMs - intervalMs) return undefined;
    // Before the work, so that others do not begin it as well.
    await writeFile(stamp, "");
    await utimes(stamp, nowMs / 1000, nowMs / 1000);
    return await this.clear(request);
  }

  /** Stages, hashes, checks, renames. Two processes that write the same blob both succeed: the names are the same bytes. */
  async #write(
    source: AsyncIterable<Uint8Array>,
    bound: SizeBound | undefined,
    check: (written: WrittenFile) => void,
    signal: AbortSignal,
  ): Promise<StoredContent> {
    await this.#prepare();
    const staged = join(this.#paths.tmp, `content-${uniqueName()}`);
    try {
      const written = await writeHashed(staged, source, bound, signal);
      check(written);
      return { digest: written.digest, size: written.size, path: await this.#publish(staged, written) };
    } catch (cause) {
      await rm(staged, { force: true }).catch(() => {});
      signal.throwIfAborted();
      throw this.#writeError(cause);
    }
  }

  /** Moves a verified file to its name. */
  async #publish(staged: string, written: WrittenFile): Promise<string> {
    const path = blobPath(this.#paths, written.digest);
    try {
      await makeFolder(dirname(path));
      if ((await this.#lookAt(path))?.isFile() === false) await this.#discard(path);
      await chmod(staged, isExecutable(written.head) ? 0o555 : 0o444);
      await rename(staged, path);
    } catch (cause) {
      // Somebody who thought this process dead was first, and removed what it had staged.
      if (isErrno(cause, "ENOENT") && (await this.#lookAt(path))?.isFile()) return path;
      throw this.#writeError(cause);
    }
    await this.#fresh.add(path);
    return path;
  }

  /** What the source says of itself passes through; what is left is the cache's disk. */
  #writeError(cause: unknown): unknown {
    const isDisk = cause instanceof Error && "syscall" in cause;
    return isDisk ? localIoError(`write to the cache ${this.#paths.root}`, cause) : cause;
  }

  async #copyVerified(digest: Digest, path: string, staged: string, signal: AbortSignal): Promise<void> {
    const copied = await writeHashed(staged, readWhenAsked(path), undefined, signal);
    if (copied.digest !== digest) throw await this.#damaged(digest, path);
  }

  /** What lies at a blob's path, which may be no file; a link is not followed. */
  async #lookAt(path: string): Promise<Stats | undefined> {
    try {
      return await lstat(path);
    } catch (cause) {
      if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) return undefined;
      throw localIoError(`read ${path}`, cause);
    }
  }

  async #damaged(digest: Digest, path: string): Promise<ContentVerificationError> {
    await this.#discard(path);
    return new ContentVerificationError("CACHE_DAMAGED", `the cached file of ${digest} was damaged`, {
      hint: "it was thrown away: run the same command with the registry within reach to fetch it anew",
    });
  }

  async #discard(path: string): Promise<void> {
    try {
      await rm(path, { recursive: true, force: true });
    } catch (cause) {
      throw localIoError(`remove the damaged ${path}`, cause);
    }
  }

  /** A mistyped folder must not lose its `tmp/`. */
  async #checkOwnFolder(): Promise<void> {
    const { root } = this.#paths;
    const tag = await readFile(join(root, "CACHEDIR.TAG"), "utf8").catch(() => "");
    if (tag === cacheDirTag) return;
    const names = await readdir(root).catch((cause: unknown) => {
      if (isErrno(cause, "ENOENT")) return [];
      throw localIoError(`read ${root}`, cause);
    });
    if (names.length === 0) return;
    throw new UsageError("USAGE_INVALID", `${root} is not a cache of buck2-oras: it has no CACHEDIR.TAG of its`, {
      hint: "name the cache with --cache-dir or BUCK2_ORAS_CACHE_DIR, or remove the folder by hand; nothing was removed",
    });
  }

  /** Notes the use, for `clear`; a cache of somebody else's is used all the same. */
  async #touch(path: string): Promise<void> {
    const stats = await stat(path).catch(() => undefined);
    if (stats !== undefined) await utimes(path, this.#context.now() / 1000, stats.mtime).catch(() => {});
  }

  /** Makes the folders at the first write. */
  #prepare(): Promise<void> {
    this.#isReady ??= this.#makeFolders();
    return this.#isReady;
  }

  async #makeFolders(): Promise<void> {
    const { root, blobs, metadata, tmp, locks } = this.#paths;
    try {
      for (const folder of [blobs, metadata, tmp, locks]) await makeFolder(folder);
      await writeFile(join(root, "CACHEDIR.TAG"), cacheDirTag, { flag: "wx" }).catch((cause: unknown) => {
        if (!isErrno(cause, "EEXIST")) throw cause;
      });
    } catch (cause) {
      throw localIoError(`write to the cache ${root}`, cause);
    }
  }
}

/** Opened by whoever reads: a stream that is open already has nobody to tell its errors until then. */
async function* readWhenAsked(path: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path, { highWaterMark: readBytes });
}

function uniqueName(): string {
  return randomBytes(8).toString("hex");
}

async function readHead(path: string): Promise<Uint8Array> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** @param cacheDir Absolute path; made at the first write. */
export function openStore(cacheDir: string, context: Context): Store {
  return new FileStore(cacheDir, context);
}
