/** Fetch of a layer's file into the store: the blob, decompressed if it is one compressed file. */

import type { Compression } from "../archive/compression.ts";
import { decompressFile } from "../archive/decompress.ts";
import { type ArchiveFormat, formatByName, isCompressed, sniffFile } from "../archive/format.ts";
import { quoted } from "../archive/refusal.ts";
import { UsageError } from "../errors.ts";
import { calledAs } from "../files/opened-file.ts";
import type { Digest } from "../model/digest.ts";
import type { Target } from "../model/source.ts";
import type { Run } from "../transfer/run.ts";
import type { TransferServices } from "../transfer/services.ts";
import { type FetchedBlob, fetchBlob } from "./fetch.ts";
import type { NamedLayer } from "./layers.ts";

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
