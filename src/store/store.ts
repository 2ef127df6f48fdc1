/** The store's interface; `file-store.ts` implements it. */
import type { OpenedFile } from "../files/opened-file.ts";
import type { Digest } from "../model/digest.ts";
import type { BlobIdentity } from "../model/source.ts";
import type { ClearRequest, ClearResult } from "./clear.ts";
import type { Metadata } from "./metadata.ts";
import type { PartialBlob } from "./partial-blob.ts";

/** A file in the store. */
export interface StoredContent extends BlobIdentity {
  readonly path: string;
}

export interface MaterializeOptions {
  /** Undefined: executable if its bytes are an executable. */
  readonly executable?: boolean | undefined;
}

export interface Store {
  /**
   * Why others could change what is in the cache; undefined where it is this user's alone. Notes count only there, and bytes that were
   * verified a moment ago are not verified again.
   */
  sharedBecause(): Promise<string | undefined>;

  /**
   * One `stat`: a blob that is there, not yet verified again.
   *
   * @param size Bytes, where they are stated: in a cache that others write into, a file of another length is damage.
   * @throws {ContentVerificationError} `CACHE_DAMAGED`: something else than a file was in its place, and was thrown away
   */
  find(digest: Digest, size?: number): Promise<StoredContent | undefined>;

  /**
   * Streams `source` into the store, all at once.
   *
   * @param expected As a manifest or lock states them, never a response header.
   * @returns Absolute path; `source` is not read if the blob is there already.
   * @throws {ContentVerificationError} `BLOB_SIZE_MISMATCH` at the first chunk past the size or at an early end,
   *   `BLOB_DIGEST_MISMATCH`; nothing is stored then
   */
  ingest(expected: BlobIdentity, source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<string>;

  /**
   * Opens a blob that comes in pieces, with what an earlier process left of it. Closed by its `commit`, `keep` or `discard`.
   *
   * @param expected As a manifest or lock states them, never a response header.
   */
  receive(expected: BlobIdentity, signal: AbortSignal): Promise<PartialBlob>;

  /** Stores bytes whose digest nobody stated, such as those of a decompressed file; who decompresses bounds them. */
  ingestContent(source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<StoredContent>;

  /**
   * Hashes a stored blob.
   *
   * @throws {ContentVerificationError} `CACHE_DAMAGED`; the blob was thrown away
   */
  verify(digest: Digest, signal: AbortSignal): Promise<void>;

  /**
   * Hands out a stored blob, open and verified: what is read of it has the digest, whatever others do to the cache meanwhile.
   *
   * @throws {ContentVerificationError} `CACHE_DAMAGED`; the blob was thrown away and `work` was not called
   */
  read<T>(digest: Digest, signal: AbortSignal, work: (file: OpenedFile) => Promise<T>): Promise<T>;

  /**
   * Places a verified copy: a reflink where the file system can, else a copy, never a hard link.
   *
   * @throws {ContentVerificationError} `CACHE_DAMAGED`; the blob was thrown away and nothing was placed
   */
  materialize(digest: Digest, output: string, options: MaterializeOptions, signal: AbortSignal): Promise<void>;

  /** Runs `work` while no other process does so for the same key. */
  withLock<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>;

  /** The note on a reference; undefined where the cache is not this user's alone. */
  readMetadata(reference: string, platform: string): Promise<Metadata | undefined>;
  writeMetadata(
    reference: string,
    platform: string,
    metadata: Omit<Metadata, "artifact_ref" | "cached_at">,
  ): Promise<void>;

  /** True when this process stored something. */
  hasGrown(): boolean;

  /** Makes the cache's folders, and writes into each. @throws {OrasClientError} what is in the way of a command that fetches */
  checkWritable(): Promise<void>;

  /** @throws {UsageError} the folder has things in it and is no cache of ours: nothing was removed */
  clear(request: ClearRequest, signal: AbortSignal): Promise<ClearResult>;

  /** Clears unless that was done less than `intervalMs` ago, by whatever process; undefined then. */
  clearWhenDue(request: ClearRequest, intervalMs: number, signal: AbortSignal): Promise<ClearResult | undefined>;
}
