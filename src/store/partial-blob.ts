/**
 * A blob on its way into the store, which may come in several pieces, from several sources, in several processes.
 *
 * Bytes that an earlier process left are copied, never taken over: that process may still hold its file open, and what it
 * writes must not reach a file that was verified here.
 */
import { createReadStream } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { LocalIoError } from "../errors.ts";
import { HashedFile, type WrittenFile } from "../files/hashed-write.ts";
import { type Digest, digestHex } from "../model/digest.ts";
import type { BlobIdentity } from "../model/source.ts";
import { type IdentityCheck, identityCheck } from "./identity-check.ts";

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
  /** Makes a name of its own for each call. */
  readonly unique: () => string;
  /** Moves a verified file into the store. */
  readonly publish: (staged: string, written: WrittenFile) => Promise<string>;
}

const suffix = ".partial";

function prefixOf(digest: Digest): string {
  return `${digestHex(digest)}-`;
}

/** What earlier processes left of this blob. */
async function leftovers(folder: string, digest: Digest): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => name.startsWith(prefixOf(digest)) && name.endsWith(suffix))
    .map((name) => join(folder, name));
}

async function largest(paths: readonly string[]): Promise<string | undefined> {
  let found: { readonly path: string; readonly size: number } | undefined;
  for (const path of paths) {
    const size = (await stat(path).catch(() => undefined))?.size ?? 0;
    if (size > (found?.size ?? 0)) found = { path, size };
  }
  return found?.path;
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
  async takeUp(path: string, signal: AbortSignal): Promise<void> {
    try {
      await this.append(createReadStream(path, { highWaterMark: 1024 * 1024 }), signal, () => {});
      this.#origin = path;
    } catch (cause) {
      signal.throwIfAborted();
      // It is the copy that could not be written.
      if (cause instanceof LocalIoError) throw cause;
      await rm(path, { force: true });
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
    const written = this.#file.written();
    this.#identity.check(written);
    await this.#close();
    const path = await this.#deps.publish(this.#path, written);
    // The blob stands, so that nobody needs these any more: whoever still writes one finds it at the end.
    for (const leftover of await leftovers(this.#deps.folder, this.#digest)) await rm(leftover, { force: true });
    return path;
  }

  async keep(): Promise<void> {
    if (this.#isClosed) return;
    if (this.size === 0) return await this.discard();
    await this.#close();
    if (this.#origin !== undefined) await rm(this.#origin, { force: true });
  }

  async discard(): Promise<void> {
    if (this.#isClosed) return;
    await this.#close();
    await rm(this.#path, { force: true });
    if (this.#origin !== undefined) await rm(this.#origin, { force: true });
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
  const leftover = await largest(await leftovers(deps.folder, expected.digest));
  const path = join(deps.folder, `${prefixOf(expected.digest)}${deps.unique()}${suffix}`);
  const partial = new StagedBlob(expected, path, await HashedFile.create(path), deps);
  try {
    if (leftover !== undefined) await partial.takeUp(leftover, signal);
  } catch (error) {
    await partial.discard();
    throw error;
  }
  return partial;
}
