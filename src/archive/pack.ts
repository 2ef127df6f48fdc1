/**
 * Packs a folder so that the same tree gives the same tar everywhere: names in byte order, no times, no owners, two
 * modes. Entries lie below the folder's title, as `oras push` writes them, so that `oras pull` makes the folder again.
 *
 * The compressed bytes are the same for the same Node on the same kind of CPU; zlib promises no more.
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Pack } from "tar-stream";
import { localIoError, UsageError } from "../errors.ts";
import { type Digest, digestFromHex } from "../model/digest.ts";
import { type Chunks, chunkBytes, drained } from "./chunks.ts";
import { fileMode, folderMode, linkMode, peek } from "./entry.ts";
import { parseEntryPath } from "./entry-path.ts";
import { defaultLimits } from "./limits.ts";
import { quoted, Refusal } from "./refusal.ts";
import { type DiskItem, readFolder } from "./tree-on-disk.ts";

export interface PackOptions {
  /** Folder in the archive that everything lies below: the layer's title. `.` is none. */
  readonly root: string;
  readonly signal: AbortSignal;
}

export interface PackedFolder {
  /** Of the file that was written. */
  readonly digest: Digest;
  /** Bytes of the file that was written. */
  readonly size: number;
  /** Of the tar before compression: what `oras` states as `io.deis.oras.content.digest`. */
  readonly uncompressedDigest: Digest;
}

/**
 * Writes `archivePath` as tar.gz; what was there is replaced.
 *
 * @throws {UsageError} for a folder with something in it that could not be unpacked again on every system: links that
 *   lead outside, names that Windows refuses
 * @throws {LocalIoError}
 */
export async function packFolder(folder: string, archivePath: string, options: PackOptions): Promise<PackedFolder> {
  const { signal } = options;
  const root = parseRoot(options.root);
  const items = await readFolder(folder, signal);
  const [{ pack }, { createGzip }] = await Promise.all([import("tar-stream"), import("node:zlib")]);
  const tar = pack();
  const tarHash = createHash("sha256");
  const gzipHash = createHash("sha256");
  let size = 0;
  const writing = pipeline(
    hashed(batched(tar as AsyncIterable<unknown> as AsyncIterable<Uint8Array>), tarHash),
    createGzip({ chunkSize: chunkBytes }),
    (source: AsyncIterable<Uint8Array>) => hashed(withoutSystem(source), gzipHash, (count) => (size += count)),
    createWriteStream(archivePath),
    { signal },
  );
  try {
    await Promise.all([writing, addItems(tar, items, root, signal)]);
  } catch (cause) {
    signal.throwIfAborted();
    throw localIoError(`pack ${folder} into ${archivePath}`, cause);
  }
  return {
    digest: digestFromHex(gzipHash.digest("hex")),
    size,
    uncompressedDigest: digestFromHex(tarHash.digest("hex")),
  };
}

function parseRoot(root: string): readonly string[] {
  try {
    return parseEntryPath(root, defaultLimits);
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause;
    throw new UsageError("USAGE_INVALID", `the title ${quoted(root)} ${cause.message}`, {
      cause,
      hint: "name the folder by a relative path that every system can create",
    });
  }
}

/** The library gives header, content and padding one by one; compressing such crumbs is four times as slow. */
async function* batched(source: AsyncIterable<Uint8Array>): Chunks {
  let batch: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    batch.push(chunk);
    length += chunk.length;
    if (length < chunkBytes) continue;
    yield Buffer.concat(batch, length);
    batch = [];
    length = 0;
  }
  if (length > 0) yield Buffer.concat(batch, length);
}

async function* hashed(source: AsyncIterable<Uint8Array>, hash: Hash, onBytes?: (count: number) => void): Chunks {
  for await (const chunk of source) {
    hash.update(chunk);
    onBytes?.(chunk.length);
    yield chunk;
  }
}

/** Where a gzip header names the operating system, and the value for an unknown one (RFC 1952, 2.3). */
const systemOffset = 9;
const unknownSystem = 255;

async function* withoutSystem(source: AsyncIterable<Uint8Array>): Chunks {
  let offset = 0;
  for await (const chunk of source) {
    const index = systemOffset - offset;
    if (index >= 0 && index < chunk.length) chunk[index] = unknownSystem;
    offset += chunk.length;
    yield chunk;
  }
}

async function addItems(
  tar: Pack,
  items: readonly DiskItem[],
  root: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  try {
    if (root.length > 0) await addEntry(tar, { name: root.join("/"), type: "directory", mode: folderMode });
    for (const item of items) {
      signal.throwIfAborted();
      await addItem(tar, [...root, item.name].join("/"), item);
    }
    tar.finalize();
  } catch (error) {
    tar.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

async function addItem(tar: Pack, name: string, item: DiskItem): Promise<void> {
  switch (item.kind) {
    case "directory":
      return await addEntry(tar, { name, type: "directory", mode: folderMode });
    case "symlink":
      return await addEntry(tar, { name, type: "symlink", mode: linkMode, linkname: item.target });
    case "file": {
      // A buffer of full size for each of many small files keeps the garbage collector busier than the disk.
      const highWaterMark = Math.min(chunkBytes, item.size + 1);
      const { head, chunks } = await peek(createReadStream(item.path, { highWaterMark }));
      const mode = fileMode(item.isExecutable, head);
      return await addEntry(tar, { name, type: "file", mode, size: item.size }, chunks);
    }
  }
}

/** @param content Of exactly the header's size: the library fails at a file that grows or shrinks while it is read. */
async function addEntry(tar: Pack, header: Parameters<Pack["entry"]>[0], content?: Chunks): Promise<void> {
  let finish: (error?: Error | null) => void = () => {};
  const finished = new Promise<void>((resolve, reject) => {
    finish = (error) => (error ? reject(error) : resolve());
  });
  // It may fail while the file is still being read; it is awaited below.
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
