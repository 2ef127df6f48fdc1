/**
 * Content-addressed store: a file's name is the SHA-256 of its bytes.
 *
 * Invariant: bytes under `oras/` were verified when written. Writers stage in `tmp/`, hash while writing, then rename.
 * Disks and people can still damage files, so bytes are hashed again when placed. Independent of registries, platforms
 * and lock files.
 */
import { constants } from "node:fs";
import { lstat, open } from "node:fs/promises";
import { join } from "node:path";
import { isExecutable } from "../archive/executable.ts";
import type { Context } from "../context.ts";
import { isErrno } from "../errors.ts";
import type { HashedFile, SizeBound, WrittenFile } from "../files/hashed-write.ts";
import type { HeldFolder } from "../files/held-folder.ts";
import { foreignWaitMs, withMutex } from "../files/mutex.ts";
import type { OpenedFile } from "../files/opened-file.ts";
import { type Digest, digestHex } from "../model/digest.ts";
import type { BlobIdentity } from "../model/source.ts";
import { CacheFolder } from "./cache-folder.ts";
import type { ClearRequest, ClearResult } from "./clear.ts";
import { cacheError } from "./damage.ts";
import { identityCheck } from "./identity-check.ts";
import type { Metadata } from "./metadata.ts";
import type { PartialBlob } from "./partial-blob.ts";
import { blobPath, cacheNames, metadataName, metadataPath, shardOf, stagedNames, uniqueName } from "./paths.ts";
import type { MaterializeOptions, Store, StoredContent } from "./store.ts";
import type { StoreContents } from "./stored-files.ts";
import { VerifiedBlobs } from "./verified-blobs.ts";

class FileStore implements Store {
  #hasGrown = false;
  readonly #root: string;
  readonly #context: Context;
  readonly #folder: CacheFolder;
  readonly #blobs: VerifiedBlobs;
  readonly #patience = { leftMs: foreignWaitMs };

  constructor(cacheDir: string, isInCheckout: boolean, context: Context) {
    this.#root = cacheDir;
    this.#folder = new CacheFolder(this.#root, isInCheckout, context);
    this.#blobs = new VerifiedBlobs(this.#root, this.#folder, context);
    this.#context = context;
  }

  hasGrown(): boolean {
    return this.#hasGrown;
  }

  async sharedBecause(): Promise<string | undefined> {
    return await this.#folder.sharedBecause();
  }

  async find(digest: Digest, size?: number): Promise<StoredContent | undefined> {
    return await this.#blobs.find(digest, size);
  }

  async ingest(expected: BlobIdentity, source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string> {
    const path = blobPath(this.#root, expected.digest);
    if ((await this.#blobs.lookAt(path))?.isFile()) return path;
    const { check, bound } = identityCheck(expected);
    return (await this.#write(source, bound, check, signal)).path;
  }

  async receive(expected: BlobIdentity, signal: AbortSignal): Promise<PartialBlob> {
    try {
      const deps = {
        folder: await this.#folder.open(cacheNames.tmp),
        publish: (tmp: HeldFolder, staged: string, file: HashedFile) => this.#publish(tmp, staged, file),
      };
      const { openPartialBlob } = await import("./partial-blob.ts");
      return await openPartialBlob(expected, deps, signal);
    } catch (cause) {
      throw this.#writeError(cause);
    }
  }

  async ingestContent(source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<StoredContent> {
    return await this.#write(source, undefined, () => {}, signal);
  }

  async verify(digest: Digest, signal: AbortSignal): Promise<void> {
    await this.#blobs.verify(digest, signal);
  }

  async read<T>(digest: Digest, signal: AbortSignal, work: (file: OpenedFile) => Promise<T>): Promise<T> {
    return await this.#blobs.read(digest, signal, work);
  }

  async materialize(digest: Digest, output: string, options: MaterializeOptions, signal: AbortSignal): Promise<void> {
    await this.#blobs.materialize(digest, output, options, signal);
  }

  async withMutex<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const folder = await this.#folder.open(cacheNames.locks).catch((error: Error) => {
      this.#context.log.debug(`continuing without a lock: ${error.message}`);
    });
    if (!folder) return await work();
    // In a shared cache, a lock's owner does not prove who holds the lock: waiting is limited for every lock.
    const patience = (await this.sharedBecause()) === undefined ? undefined : this.#patience;
    try {
      return await withMutex({ folder, name: `${key}.lock`, patience }, this.#context, signal, work);
    } finally {
      await folder.close();
    }
  }

  async readMetadata(reference: string, platform: string): Promise<Metadata | undefined> {
    if ((await this.sharedBecause()) !== undefined) return undefined;
    const { readMetadataFile } = await import("./metadata.ts");
    const found = await readMetadataFile(metadataPath(this.#root, reference, platform));
    return found?.artifact_ref === reference ? found : undefined;
  }

  async writeMetadata(
    reference: string,
    platform: string,
    metadata: Omit<Metadata, "artifact_ref" | "cached_at">,
  ): Promise<void> {
    const cachedAt = new Date(this.#context.now()).toISOString();
    const noted = { artifact_ref: reference, ...metadata, cached_at: cachedAt };
    const { writeMetadataFile } = await import("./metadata.ts");
    await this.#folder.holding([cacheNames.tmp], (tmp) =>
      this.#folder.holding([cacheNames.metadata], (folder) =>
        writeMetadataFile(tmp, folder, metadataName(reference, platform), noted),
      ),
    );
  }

  async checkWritable(): Promise<void> {
    for (const name of [cacheNames.blobs, cacheNames.metadata, cacheNames.locks, cacheNames.tmp]) {
      try {
        await this.#folder.holding([name], async (folder) => {
          const file = await folder.createUnnamed(stagedNames.content(uniqueName()));
          await file.close();
        });
      } catch (cause) {
        throw this.#writeError(cause);
      }
    }
  }

  async describe(signal: AbortSignal): Promise<StoreContents> {
    const { describeStore, emptyContents } = await import("./stored-files.ts");
    const root = await this.#folder.openToClear();
    if (root === undefined) return emptyContents;
    try {
      return await describeStore(root, signal);
    } finally {
      await root.close();
    }
  }

  async clear(request: ClearRequest, signal: AbortSignal): Promise<ClearResult> {
    const root = await this.#folder.openToClear();
    if (root === undefined)
      return { filesRemoved: 0, bytesFreed: 0, notesRemoved: 0, transfersRemoved: 0, filesInUse: 0 };
    try {
      const { clearStore } = await import("./clear.ts");
      return await clearStore(root, request, this.#context.now(), signal);
    } finally {
      await root.close();
    }
  }

  async clearWhenDue(request: ClearRequest, intervalMs: number, signal: AbortSignal): Promise<ClearResult | undefined> {
    const stamp = join(this.#root, cacheNames.stamp);
    const last = await lstat(stamp).catch(() => undefined);
    const nowMs = this.#context.now();
    // A time in the future does not count.
    if (last !== undefined && last.mtimeMs > nowMs - intervalMs && last.mtimeMs <= nowMs) return undefined;
    // Before the work, so that concurrent processes skip the work.
    await setTime(stamp, nowMs);
    return await this.clear(request, signal);
  }

  /** Stages, hashes, checks and renames. Two concurrent writers of one blob both succeed, since the bytes are equal. */
  async #write(
    source: AsyncIterable<Uint8Array>,
    bound: SizeBound | undefined,
    check: (written: WrittenFile) => void,
    signal: AbortSignal,
  ): Promise<StoredContent> {
    return await this.#folder.holding([cacheNames.tmp], async (tmp) => {
      const staged = stagedNames.content(uniqueName());
      try {
        const file = await tmp.create(staged);
        try {
          await file.append(source, bound, signal);
          const written = file.written();
          check(written);
          return { digest: written.digest, size: written.size, path: await this.#publish(tmp, staged, file) };
        } finally {
          await file.close();
        }
      } catch (cause) {
        await tmp.unlink(staged).catch(() => {});
        signal.throwIfAborted();
        throw this.#writeError(cause);
      }
    });
  }

  /**
   * Moves a verified file to its final name. Another process may replace the file under either name; readers verify the
   * bytes.
   */
  async #publish(tmp: HeldFolder, staged: string, file: HashedFile): Promise<string> {
    this.#hasGrown = true;
    const { digest, head } = file.written();
    const path = blobPath(this.#root, digest);
    try {
      await this.#folder.holding(shardOf(digest), async (shard) => {
        const name = digestHex(digest);
        if ((await shard.look(name))?.isFile() === false) await this.#blobs.discard(digest);
        await file.handle.chmod(isExecutable(head) ? 0o555 : 0o444);
        await tmp.move(staged, shard, name);
      });
    } catch (cause) {
      // Another process published the blob and removed this staged file as a leftover.
      if (isErrno(cause, "ENOENT") && (await this.#blobs.lookAt(path))?.isFile()) return path;
      throw this.#writeError(cause);
    }
    await this.#blobs.addVerified(path, file.handle);
    return path;
  }

  /** Errors with a system call are the cache's; errors of the source pass through. */
  #writeError(cause: unknown): unknown {
    const isDisk = cause instanceof Error && "syscall" in cause;
    return isDisk ? cacheError(this.#root, cause) : cause;
  }
}

const { O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_WRONLY } = constants;

/** Sets a file's times and creates a missing file; a link is refused. */
async function setTime(path: string, timeMs: number): Promise<void> {
  const handle = await open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o644);
  try {
    await handle.utimes(timeMs / 1000, timeMs / 1000);
  } finally {
    await handle.close();
  }
}

/**
 * @param cacheDir Absolute path; created by the first write.
 * @param isInCheckout True if the checkout's author could have written the cache's content.
 */
export function openStore(cacheDir: string, isInCheckout: boolean, context: Context): Store {
  return new FileStore(cacheDir, isInCheckout, context);
}
