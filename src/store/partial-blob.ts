/**
 * A blob on its way into the store, which may come in several pieces, from several sources, in several processes.
 *
 * Bytes that an earlier process left are copied, never taken over: that process may still hold its file open, and what it
 * writes must not reach a file that was verified here.
 */
import { readdir, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import { LocalIoError } from "../errors.ts";
import { HashedFile } from "../files/hashed-write.ts";
import { type OpenedFile, openFile, piecesOf } from "../files/opened-file.ts";
import type { Digest } from "../model/digest.ts";
import type { BlobIdentity } from "../model/source.ts";
import { type IdentityCheck, identityCheck } from "./identity-check.ts";
import { isPartialOf, stagedNames, uniqueName } from "./paths.ts";

export interface PartialBlob {
  /** Bytes that are there; none of them is verified before `commit`. */
  readonly size: number;

  /**
   * Adds what `source` gives; when it fails, what came before is kept.
   *
   * @throws {ContentVerificationError} `BLOB_SIZE_MISMATCH` at the first chunk past the stated size
   */
  append(source: AsyncIterable<Uint8Array>, signal: AbortSignal, onBytes: (chunkBytes: number) => void): Promise<void>;

  /** Drops all bytes: what follows starts at the first one. */
  restart(): Promise<void>;

  /**
   * Verifies and publishes; afterwards this is closed. After an error there may be a `restart`.
   *
   * @returns Absolute path in the store.
   * @throws {ContentVerificationError} `BLOB_SIZE_MISMATCH`, `BLOB_DIGEST_MISMATCH`
   */
  commit(): Promise<string>;

  /** Leaves the bytes for the next process that wants the blob; closes. Does nothing after `commit`. */
  keep(): Promise<void>;

  /** Removes the bytes; closes. Does nothing after `commit`. */
  discard(): Promise<void>;
}

export interface PartialBlobDeps {
  /** Folder for staged files; it exists. */
  readonly folder: string;
  /** Moves a verified file, which is still open, into the store. */
  readonly publish: (staged: string, file: HashedFile) => Promise<string>;
}

const pieceBytes = 1024 * 1024;

/** What earlier processes left of this blob. Another user's folder or link of such a name is for nobody to use. */
async function leftovers(folder: string, digest: Digest): Promise<string[]> {
  const names = await readdir(folder);
  return names.filter((name) => isPartialOf(digest, name)).map((name) => join(folder, name));
}

/** Opens the one with the most bytes. */
async function openLargest(paths: readonly string[]): Promise<OpenedFile | undefined> {
  let largest: OpenedFile | undefined;
  for (const path of paths) {
    const file = await openFile(path, "refuse").catch(() => undefined);
    if (file === undefined) continue;
    if (file.size <= (largest?.size ?? 0)) {
      await file.handle.close();
      continue;
    }
    await largest?.handle.close();
    largest = file;
  }
  return largest;
}

/** Those of another user may stay. */
async function remove(path: string): Promise<void> {
  await unlink(path).catch(() => {});
}

class StagedBlob implements PartialBlob {
  readonly #digest: Digest;
  readonly #identity: IdentityCheck;
  readonly #path: string;
  readonly #file: HashedFile;
  readonly #deps: PartialBlobDeps;
  /** Where the first bytes were copied from. */
  #origin: string | undefined;
  #isClosed = false;

  constructor(expected: BlobIdentity, path: string, file: HashedFile, deps: PartialBlobDeps) {
    this.#digest = expected.digest;
    this.#identity = identityCheck(expected);
    this.#path = path;
    this.#file = file;
    this.#deps = deps;
  }

  get size(): number {
    return this.#file.size;
  }

  /** Copies what an earlier process left; a leftover that cannot be read is no reason to fail. */
  async takeUp(leftover: OpenedFile, signal: AbortSignal): Promise<void> {
    try {
      await this.append(piecesOf(leftover, pieceBytes, signal), signal, () => {});
      this.#origin = leftover.path;
    } catch (cause) {
      signal.throwIfAborted();
      // The copy could not be written.
      if (cause instanceof LocalIoError) throw cause;
      await remove(leftover.path);
      await this.restart();
    }
  }

  async append(
    source: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    onBytes: (chunkBytes: number) => void,
  ): Promise<void> {
    await this.#file.append(source, this.#identity.bound, signal, onBytes);
  }

  async restart(): Promise<void> {
    await this.#file.restart();
  }

  async commit(): Promise<string> {
    this.#identity.check(this.#file.written());
    let path: string;
    try {
      path = await this.#deps.publish(this.#path, this.#file);
    } finally {
      await this.#close();
    }
    // The blob stands, so that nobody needs these any more: whoever still writes one finds it at the end.
    for (const leftover of await leftovers(this.#deps.folder, this.#digest)) await remove(leftover);
    return path;
  }

  async keep(): Promise<void> {
    if (this.#isClosed) return;
    if (this.size === 0) return await this.discard();
    await this.#close();
    if (this.#origin !== undefined) await remove(this.#origin);
  }

  async discard(): Promise<void> {
    if (this.#isClosed) return;
    await this.#close();
    await rm(this.#path, { force: true }).catch(() => {});
    if (this.#origin !== undefined) await remove(this.#origin);
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    await this.#file.close();
  }
}

/** @param expected As a manifest or lock states them, never a response header. */
export async function openPartialBlob(
  expected: BlobIdentity,
  deps: PartialBlobDeps,
  signal: AbortSignal,
): Promise<PartialBlob> {
  const leftover = await openLargest(await leftovers(deps.folder, expected.digest));
  try {
    const path = join(deps.folder, stagedNames.partial(expected.digest, uniqueName()));
    const partial = new StagedBlob(expected, path, await HashedFile.create(path), deps);
    try {
      if (leftover !== undefined) await partial.takeUp(leftover, signal);
    } catch (error) {
      await partial.discard();
      throw error;
    }
    return partial;
  } finally {
    await leftover?.handle.close();
  }
}
