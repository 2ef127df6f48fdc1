/**
 * Interfaces for reading and writing artifacts. A registry (`registry/`) and an OCI image layout (`layout/`) both
 * implement `Source` and `Target`, so every use case works on either.
 */
import type { Digest } from "./digest.ts";
import type { Descriptor } from "./manifest.ts";

/** A fetched manifest or index. `digest` is the computed hash of `bytes`, never a header's value. */
export interface FetchedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** The time at which a source got a manifest, by its own word. */
export interface ManifestTime {
  /** Undefined: the source does not say. */
  readonly published: Date | undefined;
  /** The source's clock when it answered. */
  readonly clock: Date | undefined;
}

/** Digest and size in bytes of content, as stated by a trusted manifest or lock. */
export interface BlobIdentity {
  readonly digest: Digest;
  readonly size: number;
}

/** Blob bytes in transfer, not yet verified. */
export type BlobStream = AsyncIterable<Uint8Array>;

/** A range of byte offsets, counted from 0. */
export interface ByteRange {
  readonly first: number;
  /** Exclusive. */
  readonly end: number;
}

/** The range from `first` to the blob's end. */
export function restOf({ size }: BlobIdentity, first: number): ByteRange {
  return { first, end: size };
}

/** A blob, or a part of a blob, opened at a source. */
export interface OpenedBlob {
  /** The requested range. Without support for ranges, a registry gives the whole blob and a layout the rest. */
  readonly range: ByteRange;
  readonly bytes: BlobStream;
  /** Releases the connection unread. */
  readonly discard: () => Promise<void>;
}

export interface Source {
  /** `host/repository` or `oci:DIR`, for messages. */
  readonly name: string;

  /** Untrusted sources of the same content by digest, in the order to ask, before this source. */
  readonly mirrors: readonly Source[];

  /**
   * Fetches one manifest by tag or digest, in one request.
   *
   * @throws {ArtifactNotFoundError} no such tag or digest
   * @throws {ContentVerificationError} `MANIFEST_DIGEST_MISMATCH`, `MANIFEST_TOO_LARGE` (4 MiB), `RESPONSE_INVALID`
   */
  fetchManifest(version: Digest | string, signal: AbortSignal): Promise<FetchedManifest>;

  /**
   * Resolves a tag or digest to the manifest's digest, as stated by the source. Fetches the manifest only if the source
   * states no digest.
   *
   * @throws {ArtifactNotFoundError} no such tag or digest
   */
  resolve(version: Digest | string, signal: AbortSignal): Promise<Digest>;

  /**
   * Opens one blob. The stream's length is unchecked: the caller compares size and digest.
   *
   * @param range The bytes that the caller wants.
   * @throws {ArtifactNotFoundError} no such blob
   */
  openBlob(blob: BlobIdentity, range: ByteRange, signal: AbortSignal): Promise<OpenedBlob>;

  /** Lists the artifacts that refer to a manifest, such as signatures. */
  listReferrers(digest: Digest, signal: AbortSignal): Promise<readonly Descriptor[]>;

  /** Lists all tags, in the source's order. */
  listTags(signal: AbortSignal): Promise<readonly string[]>;
}

export interface Target extends Source {
  /** True when the target has the blob already. */
  hasBlob(blob: BlobIdentity, signal: AbortSignal): Promise<boolean>;

  /** True when the target has the manifest already. */
  hasManifest(digest: Digest, signal: AbortSignal): Promise<boolean>;

  /** Asks when the target got a manifest. A layout folder does not know. */
  manifestTime(digest: Digest, signal: AbortSignal): Promise<ManifestTime>;

  /** The digest that a tag means, by one request; undefined for a missing tag, or if the target does not say. */
  tagDigest(tag: string, signal: AbortSignal): Promise<Digest | undefined>;

  /** Adds a blob from another repository without an upload. @returns False if the blob must be sent. */
  mountBlob(blob: BlobIdentity, from: Source, signal: AbortSignal): Promise<boolean>;

  /** @param open Called once per try; each call starts from the first byte. */
  pushBlob(blob: BlobIdentity, open: () => BlobStream, signal: AbortSignal): Promise<void>;

  /**
   * Stores a manifest under its digest and, unless undefined, a tag. All content that the manifest names must exist.
   */
  pushManifest(bytes: Uint8Array, mediaType: string, tag: string | undefined, signal: AbortSignal): Promise<Digest>;

  /**
   * Removes a tag; the manifest stays.
   *
   * @throws {RegistryUnavailableError} `DELETION_REFUSED`
   */
  deleteTag(tag: string, signal: AbortSignal): Promise<void>;

  /**
   * Removes a manifest and all tags that name the manifest.
   *
   * @throws {RegistryUnavailableError} `DELETION_REFUSED`
   */
  deleteManifest(digest: Digest, signal: AbortSignal): Promise<void>;
}

/** The kind of source that bytes came from, in the result of a pull. */
export type Origin = "cache" | "mirror" | "registry" | "layout";
