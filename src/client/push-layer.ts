/** What a file or a folder becomes as a layer: as it is, or compressed on its way. */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, type Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { hashed, readChunks } from "../archive/chunks.ts";
import { type Compressor, compressed } from "../archive/compress.ts";
import { sniffFile, unsupportedFormatOf } from "../archive/format.ts";
import { packFolder } from "../archive/pack.ts";
import { readFolder } from "../archive/tree-on-disk.ts";
import { ArtifactNotFoundError, isErrno, localIoError } from "../errors.ts";
import { type Digest, digestFromHex } from "../model/digest.ts";
import { type Annotations, annotationKeys } from "../model/manifest.ts";
import type { BlobIdentity, BlobStream } from "../model/source.ts";
import { identifyFile } from "./identify.ts";

export interface LayerOptions {
  /** Name of the file or folder for whoever pulls it; undefined means the path's last part. */
  readonly title: string | undefined;
  /** Undefined: one that fits what the layer is. */
  readonly mediaType: string | undefined;
  /** Undefined: the bytes as they are. */
  readonly compressor: Compressor | undefined;
}

export interface Layer extends BlobIdentity {
  readonly mediaType: string;
  readonly annotations: Annotations;
  /** Bytes before compression. */
  readonly contentSize: number;
  readonly open: () => BlobStream;
}

/** Smaller files go as they are: what is saved is less than a round trip, and every client can use them. */
const minCompressedBytes = 64 * 1024;

/** So much of a file must be left for compressing to be worth its while. */
const maxRatio = 0.9;

const fileMediaTypes = { gzip: "application/gzip", zstd: "application/zstd" } as const;
const folderMediaType = "application/vnd.oci.image.layer.v1.tar";
const suffixes = { gzip: ".gz", zstd: ".zst" } as const;

function openFile(path: string): BlobStream {
  return createReadStream(path, { highWaterMark: 1024 * 1024 });
}

async function statOf(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (cause) {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) {
      throw new ArtifactNotFoundError("FILE_NOT_FOUND", `file not found: ${path}`, {
        cause,
        hint: "a relative path starts at the working folder",
      });
    }
    throw localIoError(`read ${path}`, cause);
  }
}

/**
 * @returns Bytes of the file, or of all files in the folder.
 * @throws {ArtifactNotFoundError} `FILE_NOT_FOUND`
 * @throws {UsageError} a folder with something in it that could not be unpacked on every system
 */
export async function sizeOf(path: string, signal: AbortSignal): Promise<number> {
  const stats = await statOf(path);
  if (!stats.isDirectory()) return stats.size;
  return (await readFolder(path, signal)).reduce((sum, { size }) => sum + size, 0);
}

/**
 * @param workDir An empty folder, which the layer's bytes may be in.
 * @param onBytes Told of what was packed or compressed.
 * @throws {ArtifactNotFoundError} `FILE_NOT_FOUND`
 */
export async function layerOf(
  path: string,
  options: LayerOptions,
  workDir: string,
  onBytes: (chunkBytes: number) => void,
  signal: AbortSignal,
): Promise<Layer> {
  const stats = await statOf(path);
  const title = options.title ?? basename(path);
  if (stats.isDirectory()) return await folderLayer(path, title, options, workDir, onBytes, signal);
  const { compressor } = options;
  if (compressor !== undefined && (await isWorthCompressing(path, stats.size))) {
    const layer = await compressedLayer(path, title, compressor, options, workDir, onBytes, signal);
    if (layer.size <= stats.size * maxRatio) return layer;
  }
  return {
    ...(await identifyFile(path)),
    mediaType: options.mediaType ?? "application/octet-stream",
    annotations: { [annotationKeys.title]: title },
    contentSize: stats.size,
    open: () => openFile(path),
  };
}

/** What is an archive or compressed already stays what its publisher made of it. */
async function isWorthCompressing(path: string, size: number): Promise<boolean> {
  if (size < minCompressedBytes || (await sniffFile(path)) !== "raw") return false;
  return (await unsupportedFormatOf(path)) === undefined;
}

async function compressedLayer(
  path: string,
  title: string,
  compressor: Compressor,
  { mediaType }: LayerOptions,
  workDir: string,
  onBytes: (chunkBytes: number) => void,
  signal: AbortSignal,
): Promise<Layer> {
  const { format } = compressor;
  const packed = join(workDir, "file");
  const contentHash = createHash("sha256");
  const blobHash = createHash("sha256");
  let contentSize = 0;
  let size = 0;
  const content = hashed(readChunks(path, signal), contentHash, (count) => {
    contentSize += count;
    onBytes(count);
  });
  const blob = hashed(compressed(content, compressor), blobHash, (count) => (size += count));
  try {
    await pipeline(blob, createWriteStream(packed), { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw localIoError(`compress ${path} into ${packed}`, cause);
  }
  return {
    digest: digestFromHex(blobHash.digest("hex")),
    size,
    mediaType: mediaType ?? fileMediaTypes[format],
    // The name says what a client without this knowledge gets.
    annotations: { [annotationKeys.title]: title + suffixes[format] },
    contentSize,
    open: () => openFile(packed),
  };
}

/** Folder annotations: with gzip those that `oras pull` unpacks by, else our own, since it unpacks nothing else. */
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
  path: string,
  title: string,
  { compressor, mediaType }: LayerOptions,
  workDir: string,
  onBytes: (chunkBytes: number) => void,
  signal: AbortSignal,
): Promise<Layer> {
  const packed = join(workDir, "folder");
  const { digest, size, uncompressedDigest, uncompressedSize } = await packFolder(path, packed, {
    root: title,
    compressor,
    onBytes,
    signal,
  });
  return {
    digest,
    size,
    mediaType: mediaType ?? (compressor === undefined ? folderMediaType : `${folderMediaType}+${compressor.format}`),
    annotations: folderAnnotations(title, compressor, uncompressedDigest),
    contentSize: uncompressedSize,
    open: () => openFile(packed),
  };
}
