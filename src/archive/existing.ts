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

/**
 * What git takes a folder for a repository by, though its name is not `.git`: `git status` in any folder below runs what its `config`
 * names.
 *
 * @see gitrepository-layout(5); git config, `safe.bareRepository`
 */
const repositoryParts = ["HEAD", "objects", "refs"] as const;

/** An entry of a folder that the archive makes a repository, alone or together with what is there. */
async function findRepository(entries: readonly ArchiveEntry[], folder: string): Promise<ArchiveEntry | undefined> {
  const added = new Map<string, Set<string>>();
  for (const { path } of entries) {
    const parts = path.split("/");
    for (const [depth, name] of parts.entries()) {
      const part = repositoryParts.find((one) => foldName(one) === foldName(name));
      if (part === undefined) continue;
      const parent = parts.slice(0, depth).join("/");
      added.set(parent, (added.get(parent) ?? new Set()).add(part));
    }
  }
  for (const [parent, found] of added) {
    const missing = repositoryParts.filter((part) => !found.has(part));
    const there = missing.map((part) => lstat(join(folder, parent, part)).catch(() => undefined));
    if ((await Promise.all(there)).includes(undefined)) continue;
    return entries.find(({ path }) => parent === "" || path.startsWith(`${parent}/`));
  }
  return undefined;
}

/**
 * @param folder It is there, or is made in one that is.
 * @throws {ContentVerificationError} `ARCHIVE_UNSAFE`
 */
export async function checkForExisting(
  archivePath: string,
  entries: readonly ArchiveEntry[],
  folder: string,
): Promise<void> {
  const refuse = ({ path }: ArchiveEntry, why: string): never => {
    const hint = "nothing was unpacked; to see what it holds, unpack it into a new folder";
    throw archiveError(archivePath, path, new Refusal("ARCHIVE_UNSAFE", why, hint));
  };
  const inside = entries.find(({ path }) => isVersionControl(path.split("/")));
  if (inside !== undefined) refuse(inside, "lies in a folder of version control, which runs what is in it");
  const repository = await findRepository(entries, folder);
  if (repository !== undefined) refuse(repository, "makes a repository of its folder, and git runs what is in one");
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
