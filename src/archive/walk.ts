/** Validating iteration over an archive: yields only entries that may be unpacked. Writes nothing. */
import { ArtifactNotFoundError, UsageError, unreadableFile } from "../errors.ts";
import { type FileSource, type OpenedFile, openFile } from "../files/opened-file.ts";
import { listed } from "../model/listed.ts";
import type { ArchiveEntry } from "./entry.ts";
import { parseEntryPath, parseLinkTarget } from "./entry-path.ts";
import { type ArchiveFormat, sniffFile } from "./format.ts";
import { type ArchiveLimits, Budget, defaultLimits } from "./limits.ts";
import type { ArchiveMember } from "./member.ts";
import { openMembers } from "./members.ts";
import { archiveError, quoted, Refusal } from "./refusal.ts";
import { Repeats } from "./repeats.ts";
import { EntryTree, type LinkEnd } from "./tree.ts";

export interface WalkOptions {
  /** Undefined: detected by the bytes. */
  readonly format?: ArchiveFormat | undefined;
  /** Selects the entries below this folder of the archive, and removes the folder from their paths. */
  readonly stripPrefix?: string | undefined;
  readonly limits?: Partial<ArchiveLimits> | undefined;
  readonly signal: AbortSignal;
}

/** An entry that may be unpacked where the file system can have its path, which is relative and confined. */
export interface WalkedEntry {
  /** Name as stated by the archive, for messages. */
  readonly name: string;
  /** Components below the prefix; never empty. */
  readonly path: readonly string[];
  readonly kind: ArchiveMember["kind"];
  /** True if the stated mode has an executable bit. */
  readonly isExecutable: boolean;
  /** Target of a symbolic link, unchanged. */
  readonly linkTarget: string;
  /** Target of a hard link: an earlier file. */
  readonly linkedFile: readonly string[];
  /** Stated bytes; verified at the end of `content`. */
  readonly size: number;
  readonly content: AsyncIterable<Uint8Array>;
}

export interface Walk {
  readonly entries: AsyncIterable<WalkedEntry>;
  /** The end of each symbolic link, by the link's path; complete after the last entry. */
  readonly links: () => ReadonlyMap<string, LinkEnd>;
  readonly budget: Budget;
  /** Adds the names of archive and entry to an error of reading the entry's content. */
  readonly explain: (error: unknown, entry: WalkedEntry) => unknown;
}

/**
 * @throws {ContentVerificationError} `ARCHIVE_UNSUPPORTED` at once for a file that is not an archive; other codes from
 *   the iteration
 */
export async function walkArchive(file: OpenedFile, options: WalkOptions): Promise<Walk> {
  const { path: archivePath } = file;
  const format = options.format ?? (await sniffFile(file));
  const limits = { ...defaultLimits, ...options.limits };
  const budget = new Budget(limits, file.size);
  const prefix = parsePrefix(options.stripPrefix, limits);
  const explain = (error: unknown, name: string | undefined): unknown =>
    options.signal.aborted ? options.signal.reason : archiveError(archivePath, name, error);
  const members = await openMembers(file, format, budget, options.signal).catch((error: unknown) => {
    throw explain(error, undefined);
  });
  const tree = new EntryTree(limits.maxEntries);
  const admission = { prefix, tree, limits, linkTargets: new Map<string, string>() };
  const repeats = new Repeats();
  let links: ReadonlyMap<string, LinkEnd> = new Map();

  async function* entries(): AsyncGenerator<WalkedEntry, void, undefined> {
    let current: string | undefined;
    let found = 0;
    let hasPrefix = prefix.length === 0;
    const outside = new Set<string>();
    try {
      for await (const member of members) {
        options.signal.throwIfAborted();
        current = member.name;
        const path = parseEntryPath(member.name, limits, "unix");
        if (member.name.endsWith("/") && (member.kind !== "directory" || member.size > 0)) {
          throw new Refusal("ARCHIVE_INVALID", "has the name of a folder but another type");
        }
        if (path.length === 0 && member.kind !== "directory") {
          throw new Refusal("ARCHIVE_UNSAFE", "replaces the output folder itself");
        }
        const entry = admit(member, path, admission);
        if (entry === "repeated") {
          if (member.kind === "file") await repeats.note(fileOf(path.slice(prefix.length), admission), member);
        } else if (entry === "outside") {
          // An empty folder satisfies the prefix.
          if (isBelow(prefix, path)) hasPrefix ||= member.kind === "directory";
          else outside.add(path[0] ?? "");
          await drain(member.content);
        } else {
          found += 1;
          yield entry;
        }
        current = undefined;
      }
      if (repeats.hasAny) {
        for await (const member of await openMembers(file, format, new Budget(limits, file.size), options.signal)) {
          options.signal.throwIfAborted();
          current = member.name;
          const path = parseEntryPath(member.name, limits, "unix");
          if (isBelow(prefix, path)) await repeats.checkFirst(path.slice(prefix.length).join("/"), member);
        }
        current = undefined;
      }
      links = tree.checkLinks();
    } catch (error) {
      throw explain(error, current);
    }
    if (!hasPrefix && found === 0) throw nothingBelow(archivePath, prefix, outside);
  }

  return {
    entries: entries(),
    links: () => links,
    budget,
    explain: (error, entry) => explain(error, entry.name),
  };
}

/** Runs `work` with the open archive. Closes only a file that it opened itself. */
export async function readingArchive<T>(source: FileSource, work: (file: OpenedFile) => Promise<T>): Promise<T> {
  if (typeof source !== "string") return await work(source);
  const file = await openFile(source, "follow").catch((cause: unknown) => {
    throw unreadableFile(source, cause);
  });
  try {
    return await work(file);
  } finally {
    await file.handle.close();
  }
}

function parsePrefix(stripPrefix: string | undefined, limits: ArchiveLimits): readonly string[] {
  if (stripPrefix === undefined || stripPrefix === "") return [];
  try {
    return parseEntryPath(stripPrefix, limits, "unix");
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause;
    throw new UsageError("USAGE_INVALID", `the prefix ${quoted(stripPrefix)} ${cause.message}`, {
      hint: "name a folder of the archive, such as `tool-1.0`",
    });
  }
}

function isBelow(prefix: readonly string[], path: readonly string[]): boolean {
  return prefix.every((part, index) => path[index] === part);
}

/** State and rules of one walk. */
interface Admission {
  readonly prefix: readonly string[];
  /** Entries admitted so far. */
  readonly tree: EntryTree;
  readonly limits: ArchiveLimits;
  /** By the paths of the links admitted so far: a symbolic link's target as stated, the file that hard links lead to. */
  readonly linkTargets: Map<string, string>;
}

/**
 * @returns `outside` for an entry outside the prefix; `repeated` for an entry that the tree has, if it is a file whose
 *   bytes the caller has to compare, or the same link.
 */
function admit(
  member: ArchiveMember,
  fullPath: readonly string[],
  admission: Admission,
): WalkedEntry | "outside" | "repeated" {
  const { prefix, tree } = admission;
  const path = fullPath.slice(prefix.length);
  if (path.length === 0 || !isBelow(prefix, fullPath)) return "outside";
  const { name, kind, size, content, mode, target } = member;
  const entry = { name, path, kind, size, content, isExecutable: (mode & 0o111) !== 0, linkTarget: "", linkedFile: [] };
  switch (kind) {
    case "directory":
      tree.addDirectory(path);
      return entry;
    case "file":
      if (tree.kindAt(path) === "file") return "repeated";
      tree.addFile(path);
      return entry;
    case "symlink":
      return admitSymlink(entry, target, admission);
    case "hardlink":
      return admitHardLink(entry, target, admission);
  }
}

function admitSymlink(
  entry: WalkedEntry,
  target: string,
  { tree, limits, linkTargets }: Admission,
): WalkedEntry | "repeated" {
  const key = entry.path.join("/");
  if (tree.kindAt(entry.path) === "symlink" && linkTargets.get(key) === target) return "repeated";
  tree.addSymlink(entry.path, parseLinkTarget(target, limits, "unix"));
  linkTargets.set(key, target);
  return { ...entry, kind: "symlink", linkTarget: target };
}

/**
 * A hard link to a symbolic link is a second symbolic link with the same target, seen from its own folder. A file with
 * several names that is appended again is written by GNU tar and bsdtar as hard links in any order, also to itself.
 */
function admitHardLink(entry: WalkedEntry, target: string, admission: Admission): WalkedEntry | "repeated" {
  const { prefix, tree, limits, linkTargets } = admission;
  const full = parseEntryPath(target, limits, "unix");
  const linkedFile = full.slice(prefix.length);
  const kind = isBelow(prefix, full) ? tree.kindAt(linkedFile) : undefined;
  if (kind !== "file" && kind !== "symlink") {
    throw new Refusal(
      "ARCHIVE_UNSAFE",
      `is a hard link to ${quoted(target)}, which is not an earlier file of the archive`,
    );
  }
  if (kind === "symlink") return admitSymlink(entry, linkTargets.get(linkedFile.join("/")) ?? "", admission);
  const file = fileOf(linkedFile, admission);
  if (tree.kindAt(entry.path) === "file" && fileOf(entry.path, admission) === file) return "repeated";
  tree.addFile(entry.path);
  linkTargets.set(entry.path.join("/"), file);
  return { ...entry, linkedFile };
}

/** Path of the file that gave its bytes to the file at `path`, through hard links. */
function fileOf(path: readonly string[], { linkTargets }: Admission): string {
  const key = path.join("/");
  return linkTargets.get(key) ?? key;
}

/**
 * The target of a hard link. Counts as a copy, so that the limits mean the same on file systems without hard links.
 */
export function linkedEntry<T extends ArchiveEntry>(
  walk: Walk,
  entry: WalkedEntry,
  earlier: ReadonlyMap<string, T>,
): T {
  const linked = earlier.get(entry.linkedFile.join("/"));
  // `admit` has checked that the target exists.
  if (linked?.kind !== "file") throw new TypeError(`no earlier file: ${entry.linkedFile.join("/")}`);
  walk.budget.countBytes(linked.size);
  return linked;
}

async function drain(content: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of content);
}

function nothingBelow(archivePath: string, prefix: readonly string[], outside: ReadonlySet<string>): Error {
  const names = listed([...outside], 5, quoted);
  return new ArtifactNotFoundError("FILE_NOT_FOUND", `${archivePath} has nothing below ${quoted(prefix.join("/"))}`, {
    hint:
      names === "" ? "name another archive: this archive is empty" : `choose from the archive's top level: ${names}`,
  });
}
