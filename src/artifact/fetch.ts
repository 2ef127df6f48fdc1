/** Brings blobs and the files in them into the store; asks the network only for what is not there. */
import { decompressFile } from "../archive/decompress.ts";
import { type ArchiveFormat, sniffFile } from "../archive/format.ts";
import type { Digest } from "../model/digest.ts";
import { digestHex } from "../model/digest.ts";
import type { BlobIdentity, Origin, Target } from "../model/source.ts";
import { transferBlob } from "../transfer/transfer.ts";
import { findCached } from "./cached.ts";
import type { ArtifactDeps } from "./deps.ts";
import type { NamedLayer } from "./layers.ts";
import { offlineError } from "./offline-error.ts";

export interface FetchedBlob {
  /** In the store; verified when it was written, verified again when it is placed. */
  readonly path: string;
  readonly origin: Origin;
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
 * One blob, from the store or else from `source`; several processes that want the same one fetch it once.
 *
 * @param label Names the transfer in the progress bar.
 */
export async function fetchBlob(
  source: Target,
  blob: BlobIdentity,
  label: string,
  deps: ArtifactDeps,
  signal: AbortSignal,
): Promise<FetchedBlob> {
  const { store, settings, context } = deps;
  const cached = await findCached(blob.digest, blob.size, deps, signal);
  if (cached !== undefined) return { path: cached.path, origin: "cache" };
  const isLayout = source.name.startsWith("oci:");
  if (settings.isOffline && !isLayout) throw offlineError(`${source.name}@${blob.digest}`);
  const fetchLocked = async (): Promise<FetchedBlob> => {
    const meanwhile = await findCached(blob.digest, blob.size, deps, signal);
    if (meanwhile !== undefined) return { path: meanwhile.path, origin: "cache" };
    const task = context.progress.start(label, blob.size);
    try {
      const done = await transferBlob(source, blob, (chunkBytes) => task.advance(chunkBytes), deps, signal);
      deps.noteGrowth();
      const origin = done.source !== source ? "mirror" : isLayout ? "layout" : "registry";
      return { path: done.path, origin };
    } finally {
      task.done();
    }
  };
  return await deps.limitTransfers(() => store.withLock(digestHex(blob.digest), signal, fetchLocked));
}

/** Name of the file that a layer is: of a single compressed file without the suffix. */
export function contentTitle(title: string, format: ArchiveFormat): string {
  if (format !== "gzip" && format !== "zstd") return title;
  return title.replace(format === "gzip" ? /\.gz$/i : /\.zst$/i, "") || title;
}

/** The file that a layer is: the blob itself, or what a single compressed file unpacks to. */
export async function fetchFile(
  source: Target,
  layer: NamedLayer,
  deps: ArtifactDeps,
  signal: AbortSignal,
): Promise<FetchedFile> {
  const { digest, size } = layer.descriptor;
  const blob = await fetchBlob(source, { digest, size }, layer.title, deps, signal);
  return await deps.store.read(digest, signal, async (opened) => {
    const format = await sniffFile(opened);
    if (format !== "gzip" && format !== "zstd") return { ...blob, digest, size, title: layer.title, format };
    const content = await deps.store.ingestContent(decompressFile(opened, format, {}, signal), signal);
    return { ...content, origin: blob.origin, title: contentTitle(layer.title, format), format };
  });
}
