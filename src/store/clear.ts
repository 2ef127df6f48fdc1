/** Removes what the store holds, by age or by size. Touches only the store's own folders and follows no links. */
import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isErrno, localIoError } from "../errors.ts";
import { digestFromHex } from "../model/digest.ts";
import { readMetadataFile } from "./metadata.ts";
import { blobPath, type StorePaths } from "./paths.ts";

export interface ClearRequest {
  /** Only what was last used longer ago, in milliseconds; undefined: whatever its age. */
  readonly olderThanMs: number | undefined;
  /** Remove the least recently used files until the rest has this many bytes. */
  readonly maxTotalBytes: number | undefined;
}

export interface ClearResult {
  /** Metadata included. */
  readonly filesRemoved: number;
  readonly bytesFreed: number;
}

interface StoredFile {
  readonly path: string;
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly lastUsedMs: number;
  readonly isFolder: boolean;
}

/** A staged file this old belongs to nobody any more: no pull lasts a day. */
const abandonedMs = 24 * 60 * 60 * 1000;

async function filesIn(folder: string): Promise<StoredFile[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) return [];
    throw localIoError(`read ${folder}`, cause);
  }
  const files = await Promise.all(
    names.map(async (name): Promise<StoredFile | undefined> => {
      const path = join(folder, name);
      const stats = await lstat(path).catch(() => undefined);
      return stats === undefined
        ? undefined
        : { path, size: stats.size, lastUsedMs: stats.atimeMs, isFolder: stats.isDirectory() };
    }),
  );
  return files.filter((file) => file !== undefined);
}

/** Blobs lie two levels deep; a link on the first level is no folder of the store's and stands for itself. */
async function blobsIn(paths: StorePaths): Promise<StoredFile[]> {
  const entries = await filesIn(paths.blobs);
  const inFolders = await Promise.all(entries.filter(({ isFolder }) => isFolder).map(({ path }) => filesIn(path)));
  return [...entries.filter(({ isFolder }) => !isFolder), ...inFolders.flat()];
}

/** What goes: everything without a limit; else what is too old and what is too much. */
function choose(files: readonly StoredFile[], request: ClearRequest, nowMs: number): StoredFile[] {
  const { olderThanMs, maxTotalBytes } = request;
  if (olderThanMs === undefined && maxTotalBytes === undefined) return [...files];
  const isOld = (file: StoredFile): boolean => olderThanMs !== undefined && file.lastUsedMs <= nowMs - olderThanMs;
  const chosen = files.filter(isOld);
  if (maxTotalBytes === undefined) return chosen;
  const kept = files.filter((file) => !isOld(file)).sort((a, b) => a.lastUsedMs - b.lastUsedMs);
  let total = kept.reduce((sum, file) => sum + file.size, 0);
  for (const file of kept) {
    if (total <= maxTotalBytes) break;
    chosen.push(file);
    total -= file.size;
  }
  return chosen;
}

export async function clearStore(paths: StorePaths, request: ClearRequest, nowMs: number): Promise<ClearResult> {
  let filesRemoved = 0;
  let bytesFreed = 0;
  const remove = async ({ path, size }: StoredFile): Promise<void> => {
    try {
      await rm(path, { recursive: true });
    } catch (cause) {
      // Somebody else was first.
      if (isErrno(cause, "ENOENT")) return;
      throw localIoError(`remove ${path}`, cause);
    }
    filesRemoved += 1;
    bytesFreed += size;
  };
  for (const file of choose(await blobsIn(paths), request, nowMs)) await remove(file);
  for (const file of await filesIn(paths.metadata)) {
    const metadata = await readMetadataFile(file.path);
    const hex = metadata?.digest.slice("sha256:".length);
    const blob =
      hex === undefined ? undefined : await lstat(blobPath(paths, digestFromHex(hex))).catch(() => undefined);
    if (blob === undefined) await remove(file);
  }
  for (const file of await filesIn(paths.tmp)) {
    if (file.lastUsedMs <= nowMs - abandonedMs) await remove(file);
  }
  return { filesRemoved, bytesFreed };
}
