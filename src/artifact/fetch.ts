/** Brings blobs and the files in them into the store; asks the network only for what is not there. */

import { decompressFile } from "../archive/decompress.ts";
import { type ArchiveFormat, sniffFile } from "../archive/format.ts";
import type { Digest } from "../model/digest.ts";
import { digestHex } from "../model/digest.ts";
import type { BlobIdentity, Origin, Target } from "../model/source.ts";
import { notInCache } from "../registry/offline.ts";
import type { Run } from "../transfer/run.ts";
import { transferBlob } from "../transfer/transfer.ts";
import { findCached } from "./cached.ts";
import type { NamedLayer } from "./layers.ts";
import type { Services } from "./services.ts";

export interface FetchedBlob {
  /** In the store; verified when it was written, verified again when it is placed. */
  readonly path: string;
  readonly origin: Origin;
}

export interface BlobFetch {
  readonly source: Target;
  readonly blob: BlobIdentity;
  /** Name of the transfer in the progress bar. */
  readonly label: string;
}

/** A single file as it is used: decompressed where the layer was compressed. */
export interface FetchedFile extends FetchedBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly title: string;
  readonly format: ArchiveFormat;
}

/**
 * Fetches one blob, from the store or else from its source. Several processes that want the same blob fetch it once.
 */
export async function fetchBlob(
  { source, blob, label }: BlobFetch,
  services: Services,
  run: Run,
): Promise<FetchedBlob> {
  const { store, settings, context } = services;
  const cached = await findCached(blob.digest, blob.size, services, run);
  if (cached !== undefined) return { path: cached.path, origin: "cache" };
  const isLayout = source.name.startsWith("oci:");
  // Before the cache is written to: offline the cache may be read-only.
  if (settings.isOffline && !isLayout) throw notInCache(`${source.name}@${blob.digest}`);
  const fetchLocked = async (): Promise<FetchedBlob> => {
    const meanwhile = await findCached(blob.digest, blob.size, services, run);
    if (meanwhile !== undefined) return { path: meanwhile.path, origin: "cache" };
    const task = context.progress.start(label, blob.size);
    try {
      const onBytes = (chunkBytes: number): void => task.advance(chunkBytes);
      const done = await transferBlob({ source, blob, onBytes }, services, run);
      const origin = done.servedBy !== source ? "mirror" : isLayout ? "layout" : "registry";
      return { path: done.path, origin };
    } finally {
      task.done();
    }
  };
  return await services.slots.run(() => store.withLock(digestHex(blob.digest), run.signal, fetchLocked));
}

/** Name of the file that a layer is: of a single compressed file without the suffix. */
export function contentTitle(title: string, format: ArchiveFormat): string {
  if (format !== "gzip" && format !== "zstd") return title;
  return title.replace(format === "gzip" ? /\.gz$/i : /\.zst$/i, "") || title;
}

/** The file that a layer is: the blob itself, or what a single compressed file unpacks to. */
export async function fetchFile(source: Target, layer: NamedLayer, services: Services, run: Run): Promise<FetchedFile> {
  const { digest, size } = layer.descriptor;
  const blob = await fetchBlob({ source, blob: { digest, size }, label: layer.title }, services, run);
  return await services.store.read(digest, run.signal, async (opened) => {
    const format = await sniffFile(opened);
    if (format !== "gzip" && format !== "zstd") return { ...blob, digest, size, title: layer.title, format };
    const content = await services.store.ingestContent(decompressFile(opened, format, {}, run.signal), run.signal);
    return { ...content, origin: blob.origin, title: contentTitle(layer.title, format), format };
  });
}
