/** Checks before an archive is merged into an existing folder. */
import { lstat, readlink } from "node:fs/promises";
import { join } from "node:path";
import { haveSameBytes } from "../files/same-bytes.ts";
import type { ArchiveEntry } from "./entry.ts";
import { foldName } from "./entry-path.ts";
import { nodesOf } from "./nodes.ts";
import { archiveError, Refusal } from "./refusal.ts";

/**
 * Folders of version control, and their short names on Windows. Files in such a folder can make `git status` in any
 * subfolder run code.
 */
const versionControl = /^(?:\.(?:git|hg|sl|jj)|(?:git|hg|sl|jj)~[0-9])$/;

/**
 * A key like `foldName`'s, and without what file systems of Windows drop: `.git.` is `.git` in a FAT file system that
 * Linux has mounted, and `.git::$INDEX_ALLOCATION` on NTFS.
 */
function foldAnywhere(name: string): string {
  return foldName(name)
    .replace(/:.*$/s, "")
    .replace(/[. ]+$/, "");
}

function isNameOfVersionControl(name: string): boolean {
  return versionControl.test(foldAnywhere(name));
}

/** True for a path into such a folder, in any spelling of any file system. */
export function isVersionControl(parts: readonly string[]): boolean {
  return parts.some(isNameOfVersionControl);
}

/**
 * Names by which git recognizes a folder as a repository, even if the folder's name is not `.git`: `git status` in any
 * subfolder runs commands of the repository's configuration. With `commondir`, `objects` and `refs` are elsewhere.
 *
 * @see gitrepository-layout(5); git config, `safe.bareRepository`
 */
const repositoryParts = ["HEAD", "commondir", "objects", "refs"] as const;
type RepositoryPart = (typeof repositoryParts)[number];
const foldedParts: ReadonlyMap<string, RepositoryPart> = new Map(repositoryParts.map((part) => [foldName(part), part]));

function isRepository(parts: ReadonlySet<RepositoryPart>): boolean {
  return parts.has("HEAD") && (parts.has("commondir") || (parts.has("objects") && parts.has("refs")));
}

async function partsIn(folder: string): Promise<ReadonlySet<RepositoryPart>> {
  if ((await lstat(folder).catch(() => undefined)) === undefined) return new Set();
  const found = await Promise.all(repositoryParts.map((part) => lstat(join(folder, part)).catch(() => undefined)));
  return new Set(repositoryParts.filter((_, index) => found[index] !== undefined));
}

/**
 * Finds a path that would turn a folder into a repository, or lies in an existing repository. The root itself may be a
 * repository, since the user named the root.
 *
 * @param root The folder named by the user.
 * @param paths Paths of the new entries, relative to `root`.
 * @returns One of the paths; undefined if all are harmless.
 */
export async function findRepository(root: string, paths: readonly string[]): Promise<string | undefined> {
  const added = new Map<string, Set<RepositoryPart>>();
  for (const { folder, name } of nodesOf(paths)) {
    const parts = added.get(folder) ?? new Set();
    const part = foldedParts.get(foldAnywhere(name));
    added.set(folder, part === undefined ? parts : parts.add(part));
  }
  for (const [folder, parts] of added) {
    const there = await partsIn(join(root, folder));
    if (folder === "" && isRepository(there)) continue;
    if (!isRepository(new Set([...there, ...parts]))) continue;
    return paths.find((path) => folder === "" || path.startsWith(`${folder}/`));
  }
  return undefined;
}

const lookHint = "unpack the archive into a new folder to inspect its entries; nothing was unpacked";

/**
 * @param root The existing folder named by the user.
 * @param below Destination below `root`; empty for `root` itself.
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
  for (const { name, path } of nodesOf(entries.map((entry) => entry.path))) {
    if (!isNameOfVersionControl(name)) continue;
    const inside = entries.find((entry) => entry.path === path || entry.path.startsWith(`${path}/`));
    refuse(inside?.path ?? path, "lies in a folder of version control, whose files can run as code");
  }
  const paths = entries.map(({ path }) => (below === "" ? path : `${below}/${path}`));
  const part = await findRepository(root, paths);
  if (part !== undefined) refuse(part, "makes a repository of its folder, and git runs commands of its configuration");
}

/** Paths of files and links in `folder` that the staged tree will replace by different content. */
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
    // An unreadable file counts as different.
    return true;
  }
}
