/** Creation of a layer's entry in a lock, from the layer's bytes. */
import { executableHeadBytes, programKind } from "../archive/executable.ts";
import { type ArchiveFormat, compressionOf, isArchive, isCompressed } from "../archive/format.ts";
import { type ListedEntry, listArchive } from "../archive/list.ts";
import { quoted } from "../archive/refusal.ts";
import { refuseUnsupported } from "../archive/unsupported.ts";
import { fetchFile } from "../artifact/fetch-file.ts";
import type { NamedLayer } from "../artifact/layers.ts";
import { ContentVerificationError } from "../errors.ts";
import { calledAs, readHead } from "../files/opened-file.ts";
import { isLockedPath, type LockedLayer } from "../lockfile/schema.ts";
import type { Digest } from "../model/digest.ts";
import type { Target } from "../model/source.ts";
import type { Run } from "../transfer/run.ts";
import type { TransferServices } from "../transfer/services.ts";
import { includeIn, isLibrary, type ToolFile, toolFilesIn } from "./tool-files.ts";

/** A layer without the choice of the tool's executable. */
export interface ReadLayer {
  readonly locked: LockedLayer;
  /** The files that the layer places. */
  readonly files: readonly ToolFile[];
}

export interface LayerRequest {
  readonly source: Target;
  /** Manifest that lists the layer. */
  readonly manifest: Digest;
  readonly layer: NamedLayer;
  /** True for the only layer of an artifact: an archive is unpacked. */
  readonly isOnly: boolean;
  /** Value of `--format`; undefined: by the bytes. */
  readonly format: ArchiveFormat | undefined;
}

const keepHint = "`--format raw` locks the file as it is";

function compressedTwice(title: string, inner: string, outer: string): ContentVerificationError {
  return new ContentVerificationError(
    "ARCHIVE_UNSUPPORTED",
    `${quoted(title)} is ${inner} inside ${outer}: it was compressed twice`,
    {
      hint: `push the file again, compressed once; ${keepHint}`,
    },
  );
}

/** Fetches a layer once, since a media type does not prove the format. */
export async function readLayer(
  { source, manifest, layer, isOnly, format }: LayerRequest,
  services: TransferServices,
  run: Run,
): Promise<ReadLayer> {
  const wanted = layer.isFolder ? undefined : format;
  const file = await fetchFile({ source, layer, format: wanted, manifest }, services, run);
  const common = {
    digest: layer.descriptor.digest,
    size: layer.descriptor.size,
    mediaType: layer.descriptor.mediaType,
    title: file.title,
    format: file.format,
    contentDigest: file.digest,
  };
  if (!isArchive(file.format)) {
    const head = await services.store.read(file.digest, run.signal, async (opened) => {
      if (format === undefined && isOnly) await refuseUnsupported(opened, file.title, keepHint);
      return await readHead(opened, executableHeadBytes);
    });
    const inner = isCompressed(file.format) ? compressionOf(head) : undefined;
    if (format === undefined && inner !== undefined) throw compressedTwice(file.title, inner, file.format);
    const evidence = isLibrary(file.title) ? undefined : programKind(head);
    return withSafePaths(
      {
        locked: { ...common, executable: evidence === undefined ? false : file.title },
        files: [{ path: file.title, evidence, isLink: false }],
      },
      source,
    );
  }
  const unpackInto = layer.isFolder && !layer.isRoot ? layer.title : undefined;
  // An archive among several files stays an archive.
  if (!isOnly && unpackInto === undefined) {
    return withSafePaths({ locked: common, files: [{ path: file.title, evidence: undefined, isLink: false }] }, source);
  }
  // Before the listing, whose error would blame an argument.
  withSafePaths({ locked: { ...common, unpackInto }, files: [] }, source);
  // As `pull` and the rules unpack the folder, so that what they would refuse is not locked.
  const listed = await services.store.read(file.digest, run.signal, (opened) =>
    listArchive(calledAs(opened, `${quoted(layer.title)} of ${source.name}`), {
      stripPrefix: unpackInto,
      signal: run.signal,
    }),
  );
  const entries = unpackInto === undefined ? listed : listed.map((entry) => inFolder(unpackInto, entry));
  const locked = { ...common, include: includeIn(entries), unpackInto };
  return withSafePaths({ locked, files: toolFilesIn(entries) }, source);
}

function inFolder(folder: string, entry: ListedEntry): ListedEntry {
  const { path, linkedFile } = entry;
  return {
    ...entry,
    path: `${folder}/${path}`,
    linkedFile: linkedFile === undefined ? undefined : `${folder}/${linkedFile}`,
  };
}

function withSafePaths(read: ReadLayer, source: Target): ReadLayer {
  const { title, include, unpackInto } = read.locked;
  checkLockedPaths([title, include, unpackInto], source.name);
  return read;
}

/**
 * Refuses unsafe paths, which a publisher may write into annotations and archives: a lock with an unsafe path is
 * refused when read.
 *
 * @param artifact Its name, for messages.
 * @throws {ContentVerificationError} `ARCHIVE_UNSAFE`
 */
export function checkLockedPaths(paths: readonly (string | undefined)[], artifact: string): void {
  const unsafe = paths.filter((path) => path !== undefined).find((path) => !isLockedPath(path));
  if (unsafe === undefined) return;
  throw new ContentVerificationError("ARCHIVE_UNSAFE", `${artifact} names a file ${quoted(unsafe)}`, {
    hint: "tell the publisher that a name must be a plain relative path, which every system can have; nothing was locked",
  });
}
