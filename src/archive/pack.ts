/**
 * Reproducible packing of a folder: the same tree gives the same tar everywhere, with names in byte order, no times, no
 * owners and two modes. Entries lie below the folder's title, as for `oras push`, so that `oras pull` restores the
 * folder.
 *
 * The compressors are bundled, so that the compressed bytes are reproducible too.
 */
import { createHash } from "node:crypto";
import type { Pack } from "tar-stream";
import { localIoError, OrasClientError, UsageError } from "../errors.ts";
import { writeHashed } from "../files/hashed-write.ts";
import { openFile, piecesOf } from "../files/opened-file.ts";
import { type Digest, digestFromHex } from "../model/digest.ts";
import { type Chunks, chunkBytes, counted, drained, hashed, inBlocks } from "./chunks.ts";
import { compressed } from "./compress.ts";
import type { CompressionThreads } from "./compression-threads.ts";
import type { Compressor } from "./encoder.ts";
import { fileMode, folderMode, linkMode, peek } from "./entry.ts";
import { parseEntryPath } from "./entry-path.ts";
import { defaultLimits } from "./limits.ts";
import { quoted, Refusal } from "./refusal.ts";
import { type DiskItem, readFolder } from "./tree-on-disk.ts";

export interface PackOptions {
  /** Root folder in the archive, the layer's title; `.` for none. */
  readonly root: string;
  /** Undefined: an uncompressed tar. */
  readonly compressor: Compressor | undefined;
  /** Undefined: compression in this thread. */
  readonly threads?: CompressionThreads | undefined;
  /** Receives the size of each chunk of the tar. */
  readonly onBytes?: (chunkBytes: number) => void;
  readonly signal: AbortSignal;
}

export interface PackedFolder {
  /** Digest of the written file. */
  readonly digest: Digest;
  /** Bytes of the written file. */
  readonly size: number;
  /** Digest of the tar before compression; `oras` states it as `io.deis.oras.content.digest`. */
  readonly uncompressedDigest: Digest;
  /** Bytes of the tar before compression. */
  readonly uncompressedSize: number;
}

/**
 * Packs a folder into a tar, optionally compressed.
 *
 * @param archivePath Must not exist.
 * @throws {UsageError} an entry that could not be unpacked on every system: links that lead outside, names that Windows
 *   refuses
 * @throws {LocalIoError}
 */
export async function packFolder(folder: string, archivePath: string, options: PackOptions): Promise<PackedFolder> {
  return await packItems(await readFolder(folder, options.signal), folder, archivePath, options);
}

/**
 * {@link packFolder} for items that are already read.
 *
 * @param folder Names the folder in messages.
 */
export async function packItems(
  items: readonly DiskItem[],
  folder: string,
  archivePath: string,
  { root, compressor, threads, onBytes, signal }: PackOptions,
): Promise<PackedFolder> {
  const rootPath = parseTitle(root);
  const { pack } = await import("tar-stream");
  const tar = pack();
  // The reader gets the errors; without a listener, an earlier error would end Node.
  tar.on("error", () => {});
  const made = (tar as AsyncIterable<unknown> as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const tarHash = createHash("sha256");
  let uncompressedSize = 0;
  const tarBytes = counted(inBlocks({ [Symbol.asyncIterator]: () => made }, chunkBytes), (count) => {
    uncompressedSize += count;
    onBytes?.(count);
  });
  const hashedTar = hashed(tarBytes, tarHash);
  const fileBytes = compressor === undefined ? hashedTar : compressed(hashedTar, compressor, threads);
  // A failure of one side ends the other side.
  const end = (error: unknown): never => {
    tar.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  };
  const writing = writeHashed(archivePath, fileBytes, undefined, signal).catch(end);
  const adding = addItems(tar, items, rootPath, signal).catch(end);
  const [written, added] = await Promise.allSettled([writing, adding]);
  if (written.status === "fulfilled" && added.status === "fulfilled") {
    const { digest, size } = written.value;
    return { digest, size, uncompressedDigest: digestFromHex(tarHash.digest("hex")), uncompressedSize };
  }
  signal.throwIfAborted();
  // A write error of the disk comes first; else a file could not be read.
  const isDisk = written.status === "rejected" && written.reason instanceof OrasClientError;
  const cause = isDisk || added.status === "fulfilled" ? reasonOf(written) : added.reason;
  throw localIoError(`pack ${folder} into ${archivePath}`, cause);
}

function reasonOf(settled: PromiseSettledResult<unknown>): unknown {
  return settled.status === "rejected" ? settled.reason : undefined;
}

/**
 * Parses the title of a file or folder, its name on a pull; `.` gives no components.
 *
 * @throws {UsageError} a title that a pull would refuse
 */
export function parseTitle(title: string): readonly string[] {
  try {
    return parseEntryPath(title, defaultLimits);
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause;
    throw new UsageError("USAGE_INVALID", `the title ${quoted(title)} ${cause.message}`, {
      cause,
      hint: "choose a relative path that every system can create",
    });
  }
}

async function addItems(
  tar: Pack,
  items: readonly DiskItem[],
  root: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (root.length > 0) await addEntry(tar, { name: root.join("/"), type: "directory", mode: folderMode });
  for (const item of items) {
    signal.throwIfAborted();
    await addItem(tar, [...root, item.name].join("/"), item, signal);
  }
  tar.finalize();
}

async function addItem(tar: Pack, name: string, item: DiskItem, signal: AbortSignal): Promise<void> {
  switch (item.kind) {
    case "directory":
      return await addEntry(tar, { name, type: "directory", mode: folderMode });
    case "symlink":
      return await addEntry(tar, { name, type: "symlink", mode: linkMode, linkname: item.target });
    case "file": {
      // Full-size buffers for many small files would cost more time in the garbage collector than on the disk.
      const pieceBytes = Math.min(chunkBytes, item.size + 1);
      const file = await openFile(item.path, "refuse");
      try {
        const { head, chunks } = await peek(piecesOf(file, pieceBytes, signal));
        const mode = fileMode(item.isExecutable, head);
        return await addEntry(tar, { name, type: "file", mode, size: item.size }, chunks);
      } finally {
        await file.handle.close();
      }
    }
  }
}

/** @param content Has exactly the header's size; the library fails for a file that changes size during the read. */
async function addEntry(tar: Pack, header: Parameters<Pack["entry"]>[0], content?: Chunks): Promise<void> {
  let finish: (error?: Error | null) => void = () => {};
  const finished = new Promise<void>((resolve, reject) => {
    finish = (error) => (error ? reject(error) : resolve());
  });
  // Awaited below; the handler avoids an unhandled rejection during the read.
  finished.catch(() => {});
  const constants = { uid: 0, gid: 0, uname: "", gname: "", mtime: new Date(0) };
  const sink = tar.entry({ ...constants, ...header }, (error) => finish(error));
  if (content !== undefined) {
    for await (const chunk of content) {
      if (sink.destroyed) break;
      if (!sink.write(chunk)) await drained(sink);
    }
    sink.end(null);
  }
  await finished;
}
