/** Placement of a staged tree: by one rename for a missing output, else file by file. */
import { lstat, realpath, rename, rmdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isErrno, LocalIoError, localIoError } from "../errors.ts";
import { makeFolder } from "../files/folder.ts";
import { patiently } from "../files/patience.ts";
import { FolderReplacedError, type StagingFolder } from "../files/temporary-folder.ts";
import type { ArchiveEntry } from "./entry.ts";
import { checkMergedLinks } from "./merged-links.ts";
import { nodesOf } from "./nodes.ts";
import { quoted } from "./refusal.ts";

/** @returns The real path of the output folder; undefined if missing. */
export async function existingFolder(output: string): Promise<string | undefined> {
  try {
    await lstat(output);
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return undefined;
    throw localIoError(`inspect ${output}`, cause);
  }
  try {
    // The caller named the folder: this is the only link that is followed.
    const folder = await realpath(output);
    if ((await stat(folder)).isDirectory()) return folder;
  } catch (cause) {
    throw localIoError(`inspect ${output}`, cause);
  }
  throw new LocalIoError("LOCAL_IO", `${output} is not a folder`, { hint: `remove ${output}, or name another folder` });
}

/** Creates the output's missing parents. @returns A function that removes the new parents again, if empty. */
export async function makeParent(output: string): Promise<() => Promise<void>> {
  const parent = dirname(output);
  let first: string | undefined;
  try {
    first = await makeFolder(parent);
  } catch (cause) {
    throw localIoError(`create the folder ${parent}`, cause);
  }
  return async () => {
    if (first === undefined) return;
    for (let folder = parent; folder.length >= first.length; folder = dirname(folder)) {
      try {
        await rmdir(folder);
      } catch {
        return;
      }
    }
  };
}

/** Moves the staging folder to `output`. @returns False if a concurrent process created the folder. */
export async function placeWhole(staging: StagingFolder, output: string): Promise<boolean> {
  try {
    await staging.moveTo(basename(output));
    return true;
  } catch (cause) {
    // A concurrently created folder is merged into; a concurrently created link is never followed.
    const found = await lstat(output).catch(() => undefined);
    if (found?.isDirectory() && !(cause instanceof FolderReplacedError)) return false;
    throw localIoError(`write ${output}`, cause);
  }
}

/**
 * Merges a staged tree into an existing folder. Each file appears whole or not at all. An existing link is never
 * followed: it is replaced, or refused in place of a folder. Conflicts are found before the first move.
 *
 * @throws {LocalIoError}
 * @throws {ContentVerificationError} `ARCHIVE_UNSAFE` for a link that leads outside through existing links
 */
export async function mergeInto(staged: string, folder: string, entries: readonly ArchiveEntry[]): Promise<void> {
  const leaves = entries.filter((entry) => entry.kind !== "directory");
  const folders = foldersOf(entries);
  for (const path of folders) await checkFolder(folder, path);
  for (const { path } of leaves) await checkLeaf(folder, path);
  const links = leaves.filter(({ kind }) => kind === "symlink");
  await checkMergedLinks(
    staged,
    folder,
    links.map(({ path }) => path),
  );
  try {
    for (const path of folders) {
      // Checked again: an entry may have been created meanwhile.
      if (await checkFolder(folder, path)) continue;
      // Moves the whole subtree; later steps skip its entries.
      await patiently(() => rename(join(staged, path), join(folder, path)));
    }
    for (const { path } of leaves) {
      const source = join(staged, path);
      if (!(await exists(source))) continue;
      await checkFolders(folder, path);
      await patiently(() => rename(source, join(folder, path)));
    }
  } catch (cause) {
    throw localIoError(`write into ${folder}`, cause);
  }
}

/** Stated and implied folders, parents first. */
function foldersOf(entries: readonly ArchiveEntry[]): string[] {
  const leaves = new Set(entries.filter(({ kind }) => kind !== "directory").map(({ path }) => path));
  const nodes = Array.from(nodesOf(entries.map(({ path }) => path)), ({ path }) => path);
  return nodes.filter((path) => !leaves.has(path));
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (cause) {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) return false;
    throw cause;
  }
}

/** @returns False for a missing entry. @throws {LocalIoError} not a folder */
async function checkFolder(root: string, path: string): Promise<boolean> {
  const found = await lstat(join(root, path)).catch(() => undefined);
  if (found === undefined) return false;
  if (found.isDirectory()) return true;
  throw inTheWay(root, path, found.isSymbolicLink() ? "a link" : "a file", "a folder");
}

/** Checks all parents of a leaf. */
async function checkFolders(root: string, path: string): Promise<void> {
  const parent = dirname(join(root, path));
  // One call instead of a hundred for a deep file.
  if ((await realpath(parent).catch(() => undefined)) === parent) return;
  const parts = path.split("/");
  for (let depth = 1; depth < parts.length; depth += 1) await checkFolder(root, parts.slice(0, depth).join("/"));
}

async function checkLeaf(root: string, path: string): Promise<void> {
  const found = await lstat(join(root, path)).catch(() => undefined);
  if (found?.isDirectory()) throw inTheWay(root, path, "a folder", "a file");
}

function inTheWay(root: string, path: string, is: string, needed: string): LocalIoError {
  return new LocalIoError("LOCAL_IO", `${quoted(join(root, path))} is ${is}, where the archive has ${needed}`, {
    hint: `remove ${quoted(path)}, or name another folder`,
  });
}
