/** Fetch of blobs and their files into the store; only missing blobs are requested from a source. */

import type { Compression } from "../archive/compression.ts";
import { decompressFile } from "../archive/decompress.ts";
import { type ArchiveFormat, formatByName, isCompressed, sniffFile } from "../archive/format.ts";
import { quoted } from "../archive/refusal.ts";
import { ArtifactNotFoundError, UsageError } from "../errors.ts";
import { calledAs } from "../files/opened-file.ts";
import type { Digest } from "../model/digest.ts";
import { digestHex } from "../model/digest.ts";
import type { BlobIdentity, Origin, Target } from "../model/source.ts";
import { notInCache } from "../registry/offline.ts";
import type { Run } from "../transfer/run.ts";
import type { TransferServices } from "../transfer/services.ts";
import { type TransferRequest, type Transferred, transferBlob } from "../transfer/transfer.ts";
import { findCached } from "./cached.ts";
import type { NamedLayer } from "./layers.ts";

export interface FetchedBlob {
  /** Path in the store; the blob is verified when written, and again when placed. */
  readonly path: string;
  readonly origin: Origin;
}

export interface BlobFetch {
  readonly source: Target;
  readonly blob: BlobIdentity;
  /** Name of the transfer in the progress bar. */
  readonly label: string;
  /** True if the bytes are sent on; default false. */
  readonly isRelayed?: boolean;
  /** Manifest that lists the blob. */
  readonly manifest?: Digest;
}

/**
 * Transfers a blob. A pull-through cache that lacks an artifact copies it when its manifest is asked for, and not for a blob alone: a missing
 * blob is asked for once more after its manifest.
 */
async function transferAfterManifest(
  { source, blob, manifest }: BlobFetch,
  onward: Pick<TransferRequest, "onResumed" | "onBytes">,
  services: TransferServices,
  run: Run,
): Promise<Transferred> {
  const transfer = () => transferBlob({ source, blob, ...onward }, services, run);
  try {
    return await transfer();
  } catch (error) {
    if (!(error instanceof ArtifactNotFoundError) || manifest === undefined) throw error;
    services.context.log.debug(
      `${source.name} lacks ${blob.digest}: asking for its manifest, as a pull-through cache wants it`,
    );
    await source.fetchManifest(manifest, run.signal).catch(() => {
      run.signal.throwIfAborted();
      throw error;
    });
    return await transfer();
  }
}

function otherFormat({ title }: NamedLayer, wanted: ArchiveFormat, found: ArchiveFormat): UsageError {
  return new UsageError("USAGE_INVALID", `${title} has the format ${found}, not ${wanted}`, {
    hint: "choose raw for the bytes as they are, or leave the format out",
  });
}

/** A single file, decompressed if the layer is one compressed file. */
export interface FetchedFile extends FetchedBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly title: string;
  readonly format: ArchiveFormat;
}

/** Gets one blob from the store, else from its source. A lock saves concurrent processes a second transfer. */
export async function fetchBlob(request: BlobFetch, services: TransferServices, run: Run): Promise<FetchedBlob> {
  const { source, blob, label, isRelayed = false } = request;
  const { store, settings, context } = services;
  const cached = await findCached(blob.digest, blob.size, services, run);
  if (cached !== undefined) return { path: cached.path, origin: "cache" };
  const isLayout = source.name.startsWith("oci:");
  // Checked before any write: the cache of an offline machine may be read-only.
  if (settings.isOffline && !isLayout) throw notInCache(`${source.name}@${blob.digest}`);
  const fetchLocked = async (): Promise<FetchedBlob> => {
    const meanwhile = await findCached(blob.digest, blob.size, services, run);
    if (meanwhile !== undefined) return { path: meanwhile.path, origin: "cache" };
    const task = context.progress.start(label, blob.size, isRelayed ? "relay" : "fetch");
    try {
      const onward = { onResumed: task.resume, onBytes: task.advance };
      const done = await transferAfterManifest(request, onward, services, run);
      const origin = done.servedBy !== source ? "mirror" : isLayout ? "layout" : "registry";
      return { path: done.path, origin };
    } finally {
      task.done();
    }
  };
  return await services.slots.run(() => store.withMutex(digestHex(blob.digest), run.signal, fetchLocked));
}

const suffixes: Readonly<Record<Compression, RegExp>> = { gzip: /\.gz$/i, zstd: /\.zst$/i, xz: /\.xz$/i };

/** Title of a layer's content: the suffix of a single compressed file is removed. */
export function contentTitle(title: string, format: ArchiveFormat): string {
  return isCompressed(format) ? title.replace(suffixes[format], "") || title : title;
}

export interface FileFetch {
  readonly source: Target;
  readonly layer: NamedLayer;
  /** How to read the layer's bytes, `raw` for any bytes; undefined: by the bytes and the name. */
  readonly format: ArchiveFormat | undefined;
  /** Manifest that lists the layer. */
  readonly manifest?: Digest;
}

/**
 * Fetches a layer's content: the blob itself, or the decompressed content of a single compressed file.
 *
 * @throws {UsageError} if the bytes are not of the requested format
 */
export async function fetchFile(
  { source, layer, format: wanted, manifest }: FileFetch,
  services: TransferServices,
  run: Run,
): Promise<FetchedFile> {
  const { digest, size } = layer.descriptor;
  const listed = manifest === undefined ? {} : { manifest };
  const blob = await fetchBlob({ source, blob: { digest, size }, label: layer.title, ...listed }, services, run);
  return await services.store.read(digest, run.signal, async (opened) => {
    const found = await sniffFile(opened);
    if (wanted !== undefined && wanted !== "raw" && wanted !== found) throw otherFormat(layer, wanted, found);
    const format = wanted ?? formatByName(found, layer.title, layer.descriptor.mediaType);
    if (!isCompressed(format)) return { ...blob, digest, size, title: layer.title, format };
    const named = calledAs(opened, `${quoted(layer.title)} of ${source.name}`);
    const content = await services.store.ingestContent(decompressFile(named, format, {}, run.signal), run.signal);
    return { ...content, origin: blob.origin, title: contentTitle(layer.title, format), format };
  });
}
