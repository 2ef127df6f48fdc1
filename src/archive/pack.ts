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
import { folderMode } from "./entry.ts";
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
    hashed(tar as AsyncIterable<unknown> as AsyncIterable<Uint8Array>, tarHash),
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
    if (root.length > 0) {
      const folder = { name: "", path: "", kind: "directory", mode: folderMode, size: 0, target: "" } as const;
      await addItem(tar, root.join("/"), folder);
    }
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
  const { kind, mode, size, target } = item;
  const owner = { uid: 0, gid: 0, uname: "", gname: "" };
  const header = { name, type: kind, mode, size, mtime: new Date(0), linkname: target, ...owner };
  let finish: (error?: Error | null) => void = () => {};
  const finished = new Promise<void>((resolve, reject) => {
    finish = (error) => (error ? reject(error) : resolve());
  });
  // It may fail while the file is still being read; it is awaited below.
  finished.catch(() => {});
  const sink = tar.entry(header, (error) => finish(error));
  if (kind === "file") {
    // A file that grows or shrinks while it is read has not the size that its header states: the library says so.
    for await (const chunk of createReadStream(item.path, { highWaterMark: chunkBytes })) {
      if (sink.destroyed) break;
      if (!sink.write(chunk)) await drained(sink);
    }
    sink.end(null);
  }
  await finished;
}
