/** The store's interface; `file-store.ts` implements it. */
import type { OpenedFile } from "../files/opened-file.ts";
import type { Digest } from "../model/digest.ts";
import type { BlobIdentity } from "../model/source.ts";
import type { ClearRequest, ClearResult } from "./clear.ts";
import type { Metadata } from "./metadata.ts";
import type { PartialBlob } from "./partial-blob.ts";
import type { StoreContents } from "./stored-files.ts";

/** A file in the store. */
export interface StoredContent extends BlobIdentity {
  readonly path: string;
}

export interface MaterializeOptions {
  /** Undefined: executable if the bytes are an executable. */
  readonly executable?: boolean | undefined;
}

export interface Store {
  /**
   * The reason why other users could change the cache's content; undefined if only this user can. Only such a private
   * cache has valid notes, and needs no second verification of bytes that this process just verified.
   */
  sharedBecause(): Promise<string | undefined>;

  /**
   * Finds a blob by one `stat`, without verification.
   *
   * @param size Stated size in bytes, if known: in a shared cache, a file of another size is damage.
   * @throws {ContentVerificationError} `CACHE_DAMAGED`: another entry was in the file's place, and was removed
   */
  find(digest: Digest, size?: number): Promise<StoredContent | undefined>;

  /**
   * Streams a whole blob into the store.
   *
   * @param expected As stated by a manifest or lock, never by a response header.
   * @returns Absolute path; `source` is not read for a stored blob.
   * @throws {ContentVerificationError} `BLOB_SIZE_MISMATCH` at the first chunk past the size or at an early end,
   *   `BLOB_DIGEST_MISMATCH`; nothing is stored
   */
  ingest(expected: BlobIdentity, source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string>;

  /**
   * Opens a partial blob, with the bytes that an earlier process left. Closed by its `commit`, `keep` or `discard`.
   *
   * @param expected As stated by a manifest or lock, never by a response header.
   */
  receive(expected: BlobIdentity, signal: AbortSignal): Promise<PartialBlob>;

  /** Stores bytes without a stated digest, such as a decompressed file. The caller bounds the size. */
  ingestContent(source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<StoredContent>;

  /**
   * Hashes a stored blob.
   *
   * @throws {ContentVerificationError} `CACHE_DAMAGED`; the blob was removed
   */
  verify(digest: Digest, signal: AbortSignal): Promise<void>;

  /**
   * Runs `work` with a stored blob, open and verified. The bytes keep their digest even if others change the cache.
   *
   * @throws {ContentVerificationError} `CACHE_DAMAGED`; the blob was removed and `work` was not called
   */
  read<T>(digest: Digest, signal: AbortSignal, work: (file: OpenedFile) => Promise<T>): Promise<T>;

  /**
   * Places a verified copy: a reflink if the file system supports it, else a copy; never a hard link.
   *
   * @throws {ContentVerificationError} `CACHE_DAMAGED`; the blob was removed and nothing was placed
   */
  materialize(digest: Digest, output: string, options: MaterializeOptions, signal: AbortSignal): Promise<void>;

  /** Runs `work` under a lock for the key; continues without the lock if it is unavailable. */
  withMutex<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>;

  /** The note on a reference; always undefined in a shared cache. */
  readMetadata(reference: string, platform: string): Promise<Metadata | undefined>;
  writeMetadata(
    reference: string,
    platform: string,
    metadata: Omit<Metadata, "artifact_ref" | "cached_at">,
  ): Promise<void>;

  /** True when this process stored something. */
  hasGrown(): boolean;

  /** Checks that the cache's folders can be created and written. @throws {OrasClientError} the reason why not */
  checkWritable(): Promise<void>;

  /** Counts the files, without reading them. @throws {UsageError} the folder is not empty and not a marked cache */
  describe(signal: AbortSignal): Promise<StoreContents>;

  /** @throws {UsageError} the folder is not empty and not a marked cache; nothing was removed */
  clear(request: ClearRequest, signal: AbortSignal): Promise<ClearResult>;

  /** Clears at most once per `intervalMs`, across processes. @returns undefined if not due. */
  clearWhenDue(request: ClearRequest, intervalMs: number, signal: AbortSignal): Promise<ClearResult | undefined>;
}
