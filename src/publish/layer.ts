/** Layers made of files and folders, plain or compressed. */
import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { counted, hashed, readChunks } from "../archive/chunks.ts";
import { compressed } from "../archive/compress.ts";
import type { CompressionThreads } from "../archive/compression-threads.ts";
import type { Compressor } from "../archive/encoder.ts";
import { sniffFile } from "../archive/format.ts";
import { identifyFile } from "../archive/identify.ts";
import { packItems, parseTitle } from "../archive/pack.ts";
import { type DiskItem, readFolder } from "../archive/tree-on-disk.ts";
import { unsupportedKindOf } from "../archive/unsupported.ts";
import { localIoError, UsageError, unreadableFile } from "../errors.ts";
import { type WrittenFile, writeHashed } from "../files/hashed-write.ts";
import { withOpened } from "../files/opened-file.ts";
import { type Digest, digestFromHex } from "../model/digest.ts";
import { type Annotations, annotationKeys } from "../model/manifest.ts";
import { ociPlatform, type PlatformString } from "../model/platform.ts";
import type { BlobIdentity, BlobStream } from "../model/source.ts";

export interface LayerOptions {
  /** Name of the pulled file or folder; undefined: the path's last part. */
  readonly title: string | undefined;
  /** Undefined: the media type of the layer's format. */
  readonly mediaType: string | undefined;
  /** Undefined: no compression. */
  readonly compressor: Compressor | undefined;
}

export interface Layer extends BlobIdentity {
  readonly mediaType: string;
  readonly annotations: Annotations;
  /** Bytes before compression. */
  readonly contentSize: number;
  /** Digest of the file, or of a folder's plain tar. */
  readonly contentDigest: Digest;
  readonly open: () => BlobStream;
}

/** Smaller files stay plain: the saving is less than a round trip, and every client can use a plain file. */
const minCompressedBytes = 64 * 1024;

/** Largest ratio of compressed to plain size; a file that compresses less stays plain. */
const maxRatio = 0.9;

const fileMediaTypes = { gzip: "application/gzip", zstd: "application/zstd" } as const;
const folderMediaType = "application/vnd.oci.image.layer.v1.tar";
const suffixes = { gzip: ".gz", zstd: ".zst" } as const;

/** Content to push: a file, or a folder with its items. */
export interface LocalContent {
  readonly path: string;
  /** Bytes of the file, or of all files in the folder. */
  readonly size: number;
  /** Undefined for a file. */
  readonly items: readonly DiskItem[] | undefined;
}

/**
 * @param platform For which the content is; undefined: for all. A folder for Linux may have names that other systems
 *   cannot have.
 * @throws {ArtifactNotFoundError} `FILE_NOT_FOUND`
 * @throws {LocalIoError} for a pipe, a socket or a device
 * @throws {UsageError} for a folder with an entry that cannot be unpacked on the systems of the platform
 */
export async function findContent(
  path: string,
  platform: PlatformString | undefined,
  signal: AbortSignal,
): Promise<LocalContent> {
  let stats: Stats;
  try {
    stats = await stat(path);
  } catch (cause) {
    throw unreadableFile(path, cause);
  }
  if (!stats.isDirectory()) {
    // An unreadable file fails here, before any other work.
    await withOpened(path, async () => {}).catch((cause: unknown) => {
      throw unreadableFile(path, cause);
    });
    return { path, size: stats.size, items: undefined };
  }
  const isLinux = platform !== undefined && ociPlatform(platform).os === "linux";
  const items = await readFolder(path, signal, isLinux ? "unix" : "portable");
  return { path, size: items.reduce((sum, { size }) => sum + size, 0), items };
}

/** Working folder, progress and signal of the packing of one layer. */
export interface Packing {
  /** An empty folder for the layer's bytes. */
  readonly workDir: string;
  /** Gets the number of bytes of each packed or compressed chunk. */
  readonly onBytes: (chunkBytes: number) => void;
  /** Undefined: compression in this thread. */
  readonly threads: CompressionThreads | undefined;
  readonly signal: AbortSignal;
}

/** @throws {ArtifactNotFoundError} `FILE_NOT_FOUND` */
export async function layerOf(content: LocalContent, options: LayerOptions, packing: Packing): Promise<Layer> {
  const { signal } = packing;
  const { path, size, items } = content;
  // The title of `.` is the folder's name.
  const title = options.title ?? basename(resolve(path));
  if (items === undefined && parseTitle(title).length === 0) {
    throw new UsageError("USAGE_INVALID", `the title ${JSON.stringify(title)} names no file`, {
      hint: "name the file with --title",
    });
  }
  if (items !== undefined) return await folderLayer({ ...content, items }, title, options, packing);
  const { compressor } = options;
  if (compressor !== undefined && (await isWorthCompressing(path, size))) {
    const layer = await compressedLayer(path, title, { ...options, compressor }, packing);
    if (layer.size <= size * maxRatio) return layer;
  }
  const file = await identifyFile(path, signal);
  return {
    ...file,
    contentDigest: file.digest,
    mediaType: options.mediaType ?? "application/octet-stream",
    annotations: { [annotationKeys.title]: title },
    contentSize: size,
    open: () => readChunks(path, signal),
  };
}

/** False for small files, and for archives and compressed files, which stay unchanged. */
async function isWorthCompressing(path: string, size: number): Promise<boolean> {
  if (size < minCompressedBytes || (await sniffFile(path)) !== "raw") return false;
  return (await unsupportedKindOf(path)) === undefined;
}

async function compressedLayer(
  path: string,
  title: string,
  { compressor, mediaType }: LayerOptions & { readonly compressor: Compressor },
  { workDir, onBytes, threads, signal }: Packing,
): Promise<Layer> {
  const { format } = compressor;
  const packed = join(workDir, "file");
  let contentSize = 0;
  const hash = createHash("sha256");
  const content = counted(hashed(readChunks(path, signal), hash), (count) => {
    contentSize += count;
    onBytes(count);
  });
  let written: WrittenFile;
  try {
    written = await writeHashed(packed, compressed(content, compressor, threads), undefined, signal);
  } catch (cause) {
    signal.throwIfAborted();
    throw localIoError(`compress ${path} into ${packed}`, cause);
  }
  return {
    digest: written.digest,
    size: written.size,
    mediaType: mediaType ?? fileMediaTypes[format],
    // The suffix shows the compression to other clients.
    annotations: { [annotationKeys.title]: title + suffixes[format] },
    contentSize,
    contentDigest: digestFromHex(hash.digest("hex")),
    open: () => readChunks(packed, signal),
  };
}

/** Annotations of a folder: those of `oras pull` for gzip; our own otherwise, since `oras pull` unpacks gzip alone. */
function folderAnnotations(title: string, compressor: Compressor | undefined, tarDigest: Digest): Annotations {
  if (compressor?.format === "gzip") {
    return {
      [annotationKeys.orasContentDigest]: tarDigest,
      [annotationKeys.orasUnpack]: "true",
      [annotationKeys.title]: title,
    };
  }
  const suffix = compressor === undefined ? "" : suffixes[compressor.format];
  return { [annotationKeys.folder]: title, [annotationKeys.title]: `${title}.tar${suffix}` };
}

async function folderLayer(
  { path, items }: LocalContent & { readonly items: readonly DiskItem[] },
  title: string,
  { compressor, mediaType }: LayerOptions,
  { workDir, onBytes, threads, signal }: Packing,
): Promise<Layer> {
  const packed = join(workDir, "folder");
  const { digest, size, uncompressedDigest, uncompressedSize } = await packItems(items, path, packed, {
    root: title,
    compressor,
    threads,
    onBytes,
    signal,
  });
  return {
    digest,
    size,
    mediaType: mediaType ?? (compressor === undefined ? folderMediaType : `${folderMediaType}+${compressor.format}`),
    annotations: folderAnnotations(title, compressor, uncompressedDigest),
    contentSize: uncompressedSize,
    contentDigest: uncompressedDigest,
    open: () => readChunks(packed, signal),
  };
}
