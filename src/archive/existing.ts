/** Checks of an archive that goes into a folder that has things in it. */
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
 * Names by which git takes a folder for a repository, though its name is not `.git`: `git status` in any folder below runs what its configuration
 * names. With `commondir` the other two are elsewhere.
 *
 * @see gitrepository-layout(5); git config, `safe.bareRepository`
 */
const repositoryParts = ["HEAD", "commondir", "objects", "refs"] as const;
type RepositoryPart = (typeof repositoryParts)[number];

function isRepository(parts: ReadonlySet<RepositoryPart>): boolean {
  return parts.has("HEAD") && (parts.has("commondir") || (parts.has("objects") && parts.has("refs")));
}

async function partsIn(folder: string): Promise<ReadonlySet<RepositoryPart>> {
  if ((await lstat(folder).catch(() => undefined)) === undefined) return new Set();
  const found = await Promise.all(repositoryParts.map((part) => lstat(join(folder, part)).catch(() => undefined)));
  return new Set(repositoryParts.filter((_, index) => found[index] !== undefined));
}

/**
 * Finds what would make a folder a repository, or lie in one that is there. A repository that the user names himself may be written to.
 *
 * @param root The folder that the user named.
 * @param paths Of what will be written, below it.
 * @returns One of the paths.
 */
export async function findRepository(root: string, paths: readonly string[]): Promise<string | undefined> {
  const added = new Map<string, Set<RepositoryPart>>();
  for (const path of paths) {
    const names = path.split("/");
    for (const [depth, name] of names.entries()) {
      const folder = names.slice(0, depth).join("/");
      const parts = added.get(folder) ?? new Set();
      const part = repositoryParts.find((one) => foldName(one) === foldName(name));
      added.set(folder, part === undefined ? parts : parts.add(part));
    }
  }
  for (const [folder, parts] of added) {
    const there = await partsIn(join(root, folder));
    if (folder === "" && isRepository(there)) continue;
    if (!isRepository(new Set([...there, ...parts]))) continue;
    return paths.find((path) => folder === "" || path.startsWith(`${folder}/`));
  }
  return undefined;
}

const lookHint = "nothing was unpacked; to see what it holds, unpack it into a new folder";

/**
 * @param root The folder that the user named, which is there.
 * @param below Where in it the entries go; empty for the folder itself.
 * @throws {ContentVerificationError} `ARCHIVE_UNSAFE`
 */
export async function checkForExisting(
  archivePath: string,
  entries: readonly ArchiveEntry[],
  root: string,
  below: string,
): Promise<void> {
  const refuse = (path: string, why: string): never => {
    throw archiveError(archivePath, path, new Refusal("ARCHIVE_UNSAFE", why, lookHint));
  };
  const inside = entries.find(({ path }) => isVersionControl(path.split("/")));
  if (inside !== undefined) refuse(inside.path, "lies in a folder of version control, which runs what is in it");
  const paths = entries.map(({ path }) => (below === "" ? path : `${below}/${path}`));
  const part = await findRepository(root, paths);
  if (part !== undefined) refuse(part, "makes a repository of its folder, and git runs what is in one");
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
