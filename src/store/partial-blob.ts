/**
 * Partial blobs: content that arrives in several pieces, from several sources, across several processes.
 *
 * The partial file of an earlier process is copied, never reused: that process may still hold the file open, and its
 * writes must not reach a verified file.
 */
import { LocalIoError } from "../errors.ts";
import type { HashedFile } from "../files/hashed-write.ts";
import type { HeldFolder } from "../files/held-folder.ts";
import { type OpenedFile, piecesOf } from "../files/opened-file.ts";
import type { Digest } from "../model/digest.ts";
import type { BlobIdentity } from "../model/source.ts";
import { type IdentityCheck, identityCheck } from "./identity-check.ts";
import { isPartialOf, stagedNames, uniqueName } from "./paths.ts";

export interface PartialBlob {
  /** Bytes so far; unverified before `commit`. */
  readonly size: number;

  /**
   * Appends a stream. Bytes before an error of the source are kept.
   *
   * @throws {ContentVerificationError} `BLOB_SIZE_MISMATCH` at the first chunk past the stated size
   */
  append(source: AsyncIterable<Uint8Array>, signal: AbortSignal, onBytes: (chunkBytes: number) => void): Promise<void>;

  /** Drops all bytes; the next `append` starts at the first byte. */
  restart(): Promise<void>;

  /**
   * Verifies the bytes, publishes the blob, and closes. After a verification error, `restart` is allowed.
   *
   * @returns Absolute path in the store.
   * @throws {ContentVerificationError} `BLOB_SIZE_MISMATCH`, `BLOB_DIGEST_MISMATCH`
   */
  commit(): Promise<string>;

  /** Keeps the bytes for a later process, and closes. Does nothing after `commit`. */
  keep(): Promise<void>;

  /** Removes the bytes, and closes. Does nothing after `commit`. */
  discard(): Promise<void>;
}

export interface PartialBlobDeps {
  /** Folder for staged files; closed with the blob. */
  readonly folder: HeldFolder;
  /** Moves a verified, open file into the store. @param staged The file's name in the folder. */
  readonly publish: (folder: HeldFolder, staged: string, file: HashedFile) => Promise<string>;
}

const pieceBytes = 1024 * 1024;
/** Killed processes leave a handful; the limit bounds the work after an attack by many files. */
const maxLeftovers = 32;

/** Names of the blob's partial files from earlier processes; other entries can have such names too. */
async function leftovers(folder: HeldFolder, digest: Digest): Promise<string[]> {
  return (await folder.names()).filter((name) => isPartialOf(digest, name)).slice(0, maxLeftovers);
}

interface Leftover {
  readonly name: string;
  readonly file: OpenedFile;
}

/** Opens the leftover with the most bytes. */
async function openLargest(folder: HeldFolder, digest: Digest): Promise<Leftover | undefined> {
  let largest: Leftover | undefined;
  for (const name of await leftovers(folder, digest)) {
    const file = await folder.openFile(name).catch(() => undefined);
    if (file === undefined) continue;
    if (file.size <= (largest?.file.size ?? 0)) {
      await file.handle.close();
      continue;
    }
    await largest?.file.handle.close();
    largest = { name, file };
  }
  return largest;
}

class StagedBlob implements PartialBlob {
  readonly #digest: Digest;
  readonly #identity: IdentityCheck;
  /** Name in the folder for staged files. */
  readonly #name: string;
  readonly #file: HashedFile;
  readonly #deps: PartialBlobDeps;
  /** Name of the leftover that the first bytes were copied from. */
  #origin: string | undefined;
  #isClosed = false;

  constructor(expected: BlobIdentity, name: string, file: HashedFile, deps: PartialBlobDeps) {
    this.#digest = expected.digest;
    this.#identity = identityCheck(expected);
    this.#name = name;
    this.#file = file;
    this.#deps = deps;
  }

  get size(): number {
    return this.#file.size;
  }

  /** Copies an earlier process's bytes; an unreadable leftover is removed without an error. */
  async takeUp({ name, file }: Leftover, signal: AbortSignal): Promise<void> {
    try {
      await this.append(piecesOf(file, pieceBytes, signal), signal, () => {});
      this.#origin = name;
    } catch (cause) {
      signal.throwIfAborted();
      // The copy could not be written.
      if (cause instanceof LocalIoError) throw cause;
      await this.#remove(name);
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
    const { folder, publish } = this.#deps;
    return await this.#closing(async () => {
      const path = await publish(folder, this.#name, this.#file).catch(async (error: unknown) => {
        // A kept partial file would fail again, and each try would add another.
        await this.#remove(this.#name);
        await this.#remove(this.#origin);
        throw error;
      });
      // The blob is stored, so leftovers are useless; a concurrent writer finds the blob at its own `publish`.
      for (const leftover of await leftovers(folder, this.#digest)) await this.#remove(leftover);
      return path;
    });
  }

  async keep(): Promise<void> {
    if (this.#isClosed) return;
    if (this.size === 0) return await this.discard();
    await this.#closing(() => this.#remove(this.#origin));
  }

  async discard(): Promise<void> {
    if (this.#isClosed) return;
    await this.#closing(async () => {
      await this.#remove(this.#name);
      await this.#remove(this.#origin);
    });
  }

  /** Best effort: another user's file may stay. */
  async #remove(name: string | undefined): Promise<void> {
    if (name !== undefined) await this.#deps.folder.unlink(name).catch(() => {});
  }

  async #closing<T>(work: () => Promise<T>): Promise<T> {
    this.#isClosed = true;
    try {
      return await work();
    } finally {
      await this.#file.close();
      await this.#deps.folder.close();
    }
  }
}

/**
 * @param expected As stated by a manifest or lock, never by a response header.
 * @param deps The folder is closed on failure.
 */
export async function openPartialBlob(
  expected: BlobIdentity,
  deps: PartialBlobDeps,
  signal: AbortSignal,
): Promise<PartialBlob> {
  const { folder } = deps;
  let file: HashedFile;
  let leftover: Leftover | undefined;
  const name = stagedNames.partial(expected.digest, uniqueName());
  try {
    leftover = await openLargest(folder, expected.digest);
    file = await folder.create(name);
  } catch (error) {
    await leftover?.file.handle.close();
    await folder.close();
    throw error;
  }
  const partial = new StagedBlob(expected, name, file, deps);
  try {
    if (leftover !== undefined) await partial.takeUp(leftover, signal);
    return partial;
  } catch (error) {
    await partial.discard();
    throw error;
  } finally {
    await leftover?.file.handle.close();
  }
}
