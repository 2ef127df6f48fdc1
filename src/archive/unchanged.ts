/**
 * Comparison of an archive with a folder that may hold its entries already. An unchanged folder needs no second
 * unpacking: its files are compared byte by byte with the archive's content, and nothing is written.
 *
 * No note remembers the files of an archive: others could have written the note of a cache that CI restored.
 */
import { constants, type Stats } from "node:fs";
import { lstat, open, readlink } from "node:fs/promises";
import { join } from "node:path";
import { type ArchiveEntry, fileMode, folderMode, linkMode, peek } from "./entry.ts";
import { checkLocalNames } from "./local-names.ts";
import { linkedEntry, type Walk, type WalkedEntry } from "./walk.ts";

/** The comparison ends at the first difference; the caller then unpacks the archive. */
class Difference extends Error {}

/** Refuses links and does not block on pipes, in case they replaced a file. Windows lacks both flags. */
const readFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const pieceBytes = 256 * 1024;

function expect(isEqual: boolean): asserts isEqual {
  if (!isEqual) throw new Difference();
}

/** A compared file, and the number of its names in the archive. */
interface ComparedFile {
  readonly stats: Stats;
  names: number;
}

class Comparison {
  readonly found = new Map<string, ArchiveEntry>();
  readonly #root: string;
  readonly #userId: number | undefined;
  readonly #folders = new Set<string>([""]);
  /** By the path of each name. */
  readonly #files = new Map<string, ComparedFile>();
  readonly #buffer = Buffer.allocUnsafe(pieceBytes);

  constructor(root: string, userId: number | undefined) {
    this.#root = root;
    this.#userId = userId;
  }

  async compare(walk: Walk, entry: WalkedEntry): Promise<void> {
    checkLocalNames(entry);
    const path = entry.path.join("/");
    await this.#checkFolders(entry.kind === "directory" ? entry.path : entry.path.slice(0, -1));
    switch (entry.kind) {
      case "directory":
        this.found.set(path, { path, kind: "directory", mode: folderMode, size: 0 });
        return;
      case "file":
        this.found.set(path, await this.#compareFile(entry, path));
        return;
      case "hardlink":
        await this.#compareName(path, linkedEntry(walk, entry, this.found).path);
        this.found.set(path, { ...linkedEntry(walk, entry, this.found), path });
        return;
      case "symlink": {
        const absolute = join(this.#root, path);
        const stats = await lstat(absolute);
        expect(stats.isSymbolicLink() && this.#isOwn(stats) && (await readlink(absolute)) === entry.linkTarget);
        this.found.set(path, { path, kind: "symlink", mode: linkMode, size: 0 });
        return;
      }
    }
  }

  /** A file with a further name, outside of the archive, could be written through that name. */
  checkNames(): void {
    for (const { stats, names } of this.#files.values()) expect(stats.nlink === names);
  }

  /** The owner of a file can change it later, whatever its mode. */
  #isOwn({ uid }: Stats): boolean {
    return this.#userId === undefined || uid === this.#userId;
  }

  async #checkFolders(path: readonly string[]): Promise<void> {
    if (this.#folders.has(path.join("/"))) return;
    for (let depth = 1; depth <= path.length; depth += 1) {
      const folder = path.slice(0, depth).join("/");
      if (this.#folders.has(folder)) continue;
      expect((await lstat(join(this.#root, folder))).isDirectory());
      this.#folders.add(folder);
    }
  }

  async #compareName(path: string, linked: string): Promise<void> {
    const file = this.#files.get(linked);
    const stats = await lstat(join(this.#root, path));
    expect(file !== undefined && stats.dev === file.stats.dev && stats.ino === file.stats.ino);
    file.names += 1;
    this.#files.set(path, file);
  }

  async #compareFile(entry: WalkedEntry, path: string): Promise<ArchiveEntry> {
    const file = await open(join(this.#root, path), readFlags);
    try {
      const stats = await file.stat();
      // Before any byte is read: another version of a file mostly has another size.
      expect(stats.isFile() && this.#isOwn(stats) && stats.size === entry.size);
      const { head, chunks } = await peek(entry.content);
      const mode = fileMode(entry.isExecutable, head);
      expect((stats.mode & 0o7777) === mode);
      let size = 0;
      for await (const chunk of chunks) {
        for (let at = 0; at < chunk.length; ) {
          const piece = chunk.subarray(at, at + pieceBytes);
          const { bytesRead } = await file.read(this.#buffer, 0, piece.length, size);
          expect(bytesRead > 0 && this.#buffer.subarray(0, bytesRead).equals(piece.subarray(0, bytesRead)));
          at += bytesRead;
          size += bytesRead;
        }
      }
      this.#files.set(path, { stats, names: 1 });
      return { path, kind: "file", mode, size };
    } finally {
      await file.close();
    }
  }
}

/**
 * Compares kind, mode, owner, link target and bytes of each entry. Other files in the folder do not count.
 *
 * @param folder Real path of an existing folder.
 * @param userId Owner of the unpacked files; undefined on Windows, where a file's mode never matches.
 * @returns The entries in the archive's order; undefined for a difference, and for an archive or folder that cannot be
 *   read: the unpacking then gives the error.
 */
export async function unchangedEntries(
  walk: Walk,
  folder: string,
  userId: number | undefined,
  signal: AbortSignal,
): Promise<ArchiveEntry[] | undefined> {
  const comparison = new Comparison(folder, userId);
  try {
    for await (const entry of walk.entries) {
      signal.throwIfAborted();
      await comparison.compare(walk, entry);
    }
    comparison.checkNames();
    return [...comparison.found.values()];
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
