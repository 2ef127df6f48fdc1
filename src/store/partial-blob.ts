/**
 * A blob on its way into the store, which may come in several pieces, from several sources, in several processes.
 *
 * Bytes that an earlier process left are copied, never taken over: that process may still hold its file open, and what it
 * writes must not reach a file that was verified here.
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
  /** Folder for staged files; closed with the blob. */
  readonly folder: HeldFolder;
  /** Moves a verified file, which is still open, into the store. @param staged Its name in the folder. */
  readonly publish: (folder: HeldFolder, staged: string, file: HashedFile) => Promise<string>;
}

const pieceBytes = 1024 * 1024;
/** Processes that were killed leave a handful; somebody who makes a hundred thousand of them is not waited for. */
const maxLeftovers = 32;

/** Partial files that earlier processes left of this blob. Another user's folder or link of such a name is passed over. */
async function leftovers(folder: HeldFolder, digest: Digest): Promise<string[]> {
  return (await folder.names()).filter((name) => isPartialOf(digest, name)).slice(0, maxLeftovers);
}

interface Leftover {
  readonly name: string;
  readonly file: OpenedFile;
}

/** Opens the one with the most bytes. */
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
  /** In the folder for staged files. */
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

  /** Copies what an earlier process left; a leftover that cannot be read is no reason to fail. */
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
        // It would be refused again, and there would be more of them each time.
        await this.#remove(this.#name);
        await this.#remove(this.#origin);
        throw error;
      });
      // The blob stands, so that nobody needs these any more: whoever still writes one finds it at the end.
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

  /** Those of another user may stay. */
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
 * @param expected As a manifest or lock states them, never a response header.
 * @param deps The folder is closed when this fails.
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
