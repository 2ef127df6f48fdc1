/**
 * Removal of stored files, by age or by size.
 *
 * Only names of the store's form are removed, and never through a link: the folder may hold foreign files.
 */
import { isErrno, LocalIoError, localIoError, type OrasClientError } from "../errors.ts";
import type { HeldFolder } from "../files/held-folder.ts";
import { isMetadataNamed, readMetadata } from "./metadata.ts";
import { cacheNames, isStagedName } from "./paths.ts";
import { blobsIn, filesIn, type StoredFile, withFolder } from "./stored-files.ts";

export interface ClearRequest {
  /** Removes files whose last use is longer ago, in milliseconds. Without both limits, all files are removed. */
  readonly olderThanMs: number | undefined;
  /** Removes the least recently used files until the rest fits into this many bytes. */
  readonly maxTotalBytes: number | undefined;
  /** Keeps files used since this time regardless of the limits; milliseconds since the epoch. */
  readonly keepUsedSinceMs?: number | undefined;
  /** Counts the files, and removes nothing. */
  readonly isDryRun?: boolean;
}

export interface ClearResult {
  /** Includes notes and staged files. */
  readonly filesRemoved: number;
  readonly bytesFreed: number;
  /** Removed notes on the meaning of tags. */
  readonly notesRemoved: number;
  /** Removed beginnings of blobs that transfers left. */
  readonly transfersRemoved: number;
  /** Staged files of possibly running transfers. */
  readonly filesInUse: number;
}

/** A staged file without writes for this long is abandoned: a stalled transfer ends much earlier. */
const abandonedMs = 60 * 60 * 1000;

/** The kernel's file times lag by up to one tick: 10 ms at 100 Hz. */
const tickMs = 20;
/** Some file systems store times in units of one second or two (exFAT). */
const coarseMs = 2000;

const lockName = /^[0-9a-f]{64}\.lock$/;

/** Selects the files to remove: all files without a limit, else files beyond the age and the size. */
function choose(files: readonly StoredFile[], request: ClearRequest, nowMs: number): StoredFile[] {
  const { olderThanMs, maxTotalBytes } = request;
  if (olderThanMs === undefined && maxTotalBytes === undefined) return [...files];
  const { keepUsedSinceMs = Number.POSITIVE_INFINITY } = request;
  const isInUse = ({ lastUsedMs }: StoredFile): boolean =>
    lastUsedMs >= keepUsedSinceMs - (lastUsedMs % 1000 === 0 ? coarseMs : tickMs);
  const isOld = (file: StoredFile): boolean =>
    olderThanMs !== undefined && file.lastUsedMs <= nowMs - olderThanMs && !isInUse(file);
  const chosen = files.filter(isOld);
  if (maxTotalBytes === undefined) return chosen;
  const kept = files.filter((file) => !isOld(file)).sort((a, b) => a.lastUsedMs - b.lastUsedMs);
  let total = kept.reduce((sum, file) => sum + file.size, 0);
  for (const file of kept) {
    if (total <= maxTotalBytes || isInUse(file)) break;
    chosen.push(file);
    total -= file.size;
  }
  return chosen;
}

/**
 * Notes whose content is no longer stored; other files stay.
 *
 * @param gone Names of stored files that count as removed.
 */
async function orphanedMetadata(
  root: HeldFolder,
  gone: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<StoredFile[]> {
  const folder = [cacheNames.metadata];
  const orphaned: StoredFile[] = [];
  for (const file of await filesIn(root, folder, (name) => name.endsWith(".json"), signal)) {
    const metadata = await withFolder(root, folder, (held) => readMetadata(() => held.openFile(file.name)));
    if (metadata === undefined || !isMetadataNamed(metadata, file.name)) continue;
    const hex = metadata.digest.slice("sha256:".length);
    const blob = await withFolder(root, [cacheNames.blobs, hex.slice(0, 2)], (held) => held.look(hex));
    if (blob === undefined || gone.has(hex)) orphaned.push(file);
  }
  return orphaned;
}

/** Removes the locks of killed processes, which are empty folders. A waiter recreates a lock that it needs. */
async function removeLocks(root: HeldFolder, nowMs: number): Promise<void> {
  await withFolder(root, [cacheNames.locks], async (held) => {
    for (const name of (await held.names()).filter((one) => lockName.test(one))) {
      const stats = await held.look(name);
      if (stats?.isDirectory() && stats.mtimeMs <= nowMs - abandonedMs) await held.rmdir(name).catch(() => {});
    }
  });
}

/**
 * @param root The cache's open root; the caller closes the folder.
 * @throws {LocalIoError} some files could not be removed; all others were
 */
export async function clearStore(
  root: HeldFolder,
  request: ClearRequest,
  nowMs: number,
  signal: AbortSignal,
): Promise<ClearResult> {
  let filesRemoved = 0;
  let bytesFreed = 0;
  let filesInUse = 0;
  let notesRemoved = 0;
  let transfersRemoved = 0;
  const refusals: OrasClientError[] = [];
  const { isDryRun = false } = request;
  const remove = async ({ folder, name, size }: StoredFile): Promise<void> => {
    signal.throwIfAborted();
    if (isDryRun) {
      filesRemoved += 1;
      bytesFreed += size;
      return;
    }
    try {
      // A concurrent process may have removed the file.
      if ((await withFolder(root, folder, (held) => held.unlink(name))) !== true) return;
    } catch (cause) {
      // A folder that replaced the file meanwhile is foreign.
      if (isErrno(cause, "EISDIR") || isErrno(cause, "EPERM")) {
        const now = await withFolder(root, folder, (held) => held.look(name));
        if (now?.isDirectory()) return;
      }
      refusals.push(localIoError(`remove ${[root.path, ...folder, name].join("/")}`, cause));
      return;
    }
    filesRemoved += 1;
    bytesFreed += size;
  };
  try {
    const chosen = choose(await blobsIn(root, signal), request, nowMs);
    for (const file of chosen) await remove(file);
    const gone = new Set(isDryRun ? chosen.map(({ name }) => name) : []);
    const blobsRemoved = filesRemoved;
    for (const file of await orphanedMetadata(root, gone, signal)) await remove(file);
    notesRemoved = filesRemoved - blobsRemoved;
    for (const file of await filesIn(root, [cacheNames.tmp], isStagedName, signal)) {
      if (file.lastWrittenMs <= nowMs - abandonedMs) await remove(file);
      else filesInUse += 1;
    }
    transfersRemoved = filesRemoved - blobsRemoved - notesRemoved;
    if (!isDryRun) await removeLocks(root, nowMs);
  } catch (cause) {
    signal.throwIfAborted();
    throw localIoError(`clear ${root.path}`, cause);
  }
  const [first] = refusals;
  if (first !== undefined) throw incomplete(first, refusals.length, filesRemoved);
  return { filesRemoved, bytesFreed, notesRemoved, transfersRemoved, filesInUse };
}

/** The error for files that could not be removed, after the removal of all others. */
function incomplete(first: OrasClientError, count: number, filesRemoved: number): LocalIoError {
  const others = count === 1 ? "" : `, and ${count - 1} more`;
  return new LocalIoError(first.code, `${first.message}${others}; ${filesRemoved} files were removed`, {
    cause: first.cause,
    hint: first.hint,
  });
}
