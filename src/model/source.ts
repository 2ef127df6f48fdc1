/**
 * Where artifacts come from and go to. A registry (`registry/`) and an OCI image layout (`layout/`) both are a `Source`
 * and a `Target`, so every use case works on either.
 */
import type { Digest } from "./digest.ts";
import type { Descriptor } from "./manifest.ts";

/** A manifest or index as it was fetched: `digest` is the hash of `bytes`, computed here, whatever a header said. */
export interface FetchedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** Digest and size in bytes of content, as a trusted manifest or lock states them. */
export interface BlobIdentity {
  readonly digest: Digest;
  readonly size: number;
}

/** A transfer of blob bytes; nothing here is verified yet. */
export type BlobStream = AsyncIterable<Uint8Array>;

/** Bytes of a blob, counted from 0. */
export interface ByteRange {
  readonly first: number;
  /** Behind the last one. */
  readonly end: number;
}

/** From one byte on to the last. */
export function restOf({ size }: BlobIdentity, first: number): ByteRange {
  return { first, end: size };
}

/** A blob, or a part of it, as a source gives it. */
export interface OpenedBlob {
  /** The range that was asked for; or the whole (of a layout the rest), where a source does not give parts. */
  readonly range: ByteRange;
  readonly bytes: BlobStream;
  /** Releases the connection unread. */
  readonly discard: () => Promise<void>;
}

export interface Source {
  /** `host/repository` or `oci:DIR`, for messages. */
  readonly name: string;

  /** Where the same content may be had by digest, in the order to ask; before this one. They need not be trusted. */
  readonly mirrors: readonly Source[];

  /**
   * One manifest by tag or digest, in one request.
   *
   * @throws {ArtifactNotFoundError} no such tag or digest
   * @throws {ContentVerificationError} `MANIFEST_DIGEST_MISMATCH`, `MANIFEST_TOO_LARGE` (4 MiB), `RESPONSE_INVALID`
   */
  fetchManifest(version: Digest | string, signal: AbortSignal): Promise<FetchedManifest>;

  /**
   * The digest that a tag or digest stands for, by the source's word: the manifest is fetched only where that is the one way to know.
   *
   * @throws {ArtifactNotFoundError} no such tag or digest
   */
  resolve(version: Digest | string, signal: AbortSignal): Promise<Digest>;

  /**
   * Opens one blob. The stream is as long as it is: the caller compares size and digest.
   *
   * @param range What the caller wants of it.
   * @throws {ArtifactNotFoundError} no such blob
   */
  openBlob(blob: BlobIdentity, range: ByteRange, signal: AbortSignal): Promise<OpenedBlob>;

  /** Artifacts that refer to a manifest, such as its signatures; empty where there is none. */
  listReferrers(digest: Digest, signal: AbortSignal): Promise<readonly Descriptor[]>;

  /** All tags, in the source's order; empty for a repository without tags. */
  listTags(signal: AbortSignal): Promise<readonly string[]>;
}

export interface Target extends Source {
  /** True when the target has the blob already. */
  hasBlob(blob: BlobIdentity, signal: AbortSignal): Promise<boolean>;

  /** True when the target has the manifest already. */
  hasManifest(digest: Digest, signal: AbortSignal): Promise<boolean>;

  /** Takes a blob over from another repository without sending it; false where that cannot be done. */
  mountBlob(blob: BlobIdentity, from: Source, signal: AbortSignal): Promise<boolean>;

  /** @param open Called once per try; each call starts from the first byte. */
  pushBlob(blob: BlobIdentity, open: () => BlobStream, signal: AbortSignal): Promise<void>;

  /** Stores a manifest under its digest and, unless undefined, a tag. Everything that it names must be there. */
  pushManifest(bytes: Uint8Array, mediaType: string, tag: string | undefined, signal: AbortSignal): Promise<Digest>;

  /**
   * Removes a tag alone; what it names stays.
   *
   * @throws {RegistryUnavailableError} `DELETION_REFUSED`
   */
  deleteTag(tag: string, signal: AbortSignal): Promise<void>;

  /**
   * Removes a manifest with every tag of it.
   *
   * @throws {RegistryUnavailableError} `DELETION_REFUSED`
   */
  deleteManifest(digest: Digest, signal: AbortSignal): Promise<void>;
}

/** Where bytes came from, as the result of a pull says it. */
export type Origin = "cache" | "mirror" | "registry" | "layout";
