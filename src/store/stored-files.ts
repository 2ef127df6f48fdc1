/** The files of a cache, by the names of the store: foreign files and links are passed over. */
import type { HeldFolder } from "../files/held-folder.ts";
import { cacheNames, isStagedName } from "./paths.ts";

export interface StoredFile {
  /** Folder names below the root. */
  readonly folder: readonly string[];
  readonly name: string;
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly lastUsedMs: number;
  readonly lastWrittenMs: number;
}

const blobFolderName = /^[0-9a-f]{2}$/;
const blobName = /^[0-9a-f]{64}$/;

/** Opens nested folders by name, refusing links. @returns undefined for a missing folder. */
export async function withFolder<T>(
  root: HeldFolder,
  names: readonly string[],
  work: (folder: HeldFolder) => Promise<T>,
): Promise<T | undefined> {
  const [first, ...rest] = names;
  if (first === undefined) return await work(root);
  const folder = await root.child(first);
  if (folder === undefined) return undefined;
  try {
    return await withFolder(folder, rest, work);
  } finally {
    await folder.close();
  }
}

/** The folder's regular files with names of the store's form. */
export async function filesIn(
  root: HeldFolder,
  folder: readonly string[],
  isOwn: (name: string) => boolean,
  signal: AbortSignal,
): Promise<StoredFile[]> {
  const found = await withFolder(root, folder, async (held) => {
    const files: StoredFile[] = [];
    for (const name of (await held.names()).filter(isOwn)) {
      signal.throwIfAborted();
      const stats = await held.look(name);
      if (stats?.isFile())
        files.push({ folder, name, size: stats.size, lastUsedMs: stats.atimeMs, lastWrittenMs: stats.mtimeMs });
    }
    return files;
  });
  return found ?? [];
}

export async function blobsIn(root: HeldFolder, signal: AbortSignal): Promise<StoredFile[]> {
  const names = (await withFolder(root, [cacheNames.blobs], (held) => held.names())) ?? [];
  const files: StoredFile[] = [];
  for (const start of names.filter((name) => blobFolderName.test(name))) {
    const isOwn = (name: string): boolean => blobName.test(name) && name.startsWith(start);
    files.push(...(await filesIn(root, [cacheNames.blobs, start], isOwn, signal)));
  }
  return files;
}

/** Number and size in bytes of some files. */
export interface FileCount {
  readonly files: number;
  readonly bytes: number;
}

export interface StoreContents {
  readonly blobs: FileCount;
  /** Notes on the meaning of tags. */
  readonly notes: FileCount;
  /** Beginnings of blobs that transfers left, or still write. */
  readonly partial: FileCount;
  /** Last use of the least recently used blob, in milliseconds since the epoch; undefined without blobs. */
  readonly oldestUseMs: number | undefined;
}

function count(files: readonly StoredFile[]): FileCount {
  return { files: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

/** @param root The cache's open root; the caller closes the folder. */
export async function describeStore(root: HeldFolder, signal: AbortSignal): Promise<StoreContents> {
  const blobs = await blobsIn(root, signal);
  const notes = await filesIn(root, [cacheNames.metadata], (name) => name.endsWith(".json"), signal);
  const partial = await filesIn(root, [cacheNames.tmp], isStagedName, signal);
  const oldestUseMs = blobs.reduce<number | undefined>(
    (oldest, { lastUsedMs }) => Math.min(oldest ?? lastUsedMs, lastUsedMs),
    undefined,
  );
  return { blobs: count(blobs), notes: count(notes), partial: count(partial), oldestUseMs };
}

export const emptyContents: StoreContents = {
  blobs: count([]),
  notes: count([]),
  partial: count([]),
  oldestUseMs: undefined,
};
