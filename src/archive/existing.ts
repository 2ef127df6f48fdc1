/** What an archive may do to a folder that has things in it, besides what may be in any folder. */
import { lstat, readlink } from "node:fs/promises";
import { join } from "node:path";
import { haveSameBytes } from "../files/same-bytes.ts";
import type { ArchiveEntry } from "./entry.ts";
import { foldName } from "./entry-path.ts";
import { archiveError, Refusal } from "./refusal.ts";

/**
 * Folders of version control, and the short names that Windows gives them. What lies there is run by `git status` in any
 * folder below, though nobody names it.
 */
const versionControl = /^(?:\.(?:git|hg|sl|jj)|(?:git|hg|sl|jj)~[0-9])$/;

/** True for a path that leads into one, however a file system spells it. */
export function isVersionControl(parts: readonly string[]): boolean {
  return parts.some((part) => versionControl.test(foldName(part)));
}

/** @throws {ContentVerificationError} `ARCHIVE_UNSAFE` */
export function checkForExisting(archivePath: string, entries: readonly ArchiveEntry[]): void {
  const found = entries.find(({ path }) => isVersionControl(path.split("/")));
  if (found === undefined) return;
  const refusal = new Refusal(
    "ARCHIVE_UNSAFE",
    "lies in a folder of version control, which runs what is in it",
    "nothing was unpacked; to see what it holds, unpack it into a new folder",
  );
  throw archiveError(archivePath, found.path, refusal);
}

/** Paths of files and links of `folder` that the staged tree will replace by something else. */
export async function findReplaced(
  staged: string,
  folder: string,
  entries: readonly ArchiveEntry[],
): Promise<readonly string[]> {
  const replaced: string[] = [];
  for (const { path, kind } of entries) {
    if (kind !== "directory" && (await isOther(join(folder, path), join(staged, path)))) replaced.push(path);
  }
  return replaced;
}

async function isOther(existing: string, next: string): Promise<boolean> {
  const found = await lstat(existing).catch(() => undefined);
  if (found === undefined || found.isDirectory()) return false;
  try {
    const now = await lstat(next);
    if (found.isSymbolicLink() && now.isSymbolicLink()) return (await readlink(existing)) !== (await readlink(next));
    return !(found.isFile() && now.isFile() && (await haveSameBytes(existing, next)));
  } catch {
    // What cannot be read is not known to be the same.
    return true;
  }
}
