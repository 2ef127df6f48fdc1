/** Listing of an archive's entries without unpacking. */
import type { FileSource, OpenedFile } from "../files/opened-file.ts";
import { type ArchiveEntry, fileMode, folderMode, linkMode, peek } from "./entry.ts";
import { linkedEntry, readingArchive, type Walk, type WalkedEntry, type WalkOptions, walkArchive } from "./walk.ts";

export type { ArchiveEntry } from "./entry.ts";

/**
 * Reads the whole archive and refuses what `extractArchive` would refuse, so that every entry named in a lock can be
 * unpacked.
 *
 * @returns Entries in the archive's order, without implied folders.
 * @throws {ContentVerificationError} like `extractArchive`
 */
export async function listArchive(archive: FileSource, options: WalkOptions): Promise<ArchiveEntry[]> {
  return await readingArchive(archive, (file) => listOpened(file, options));
}

async function listOpened(file: OpenedFile, options: WalkOptions): Promise<ArchiveEntry[]> {
  const walk = await walkArchive(file, options);
  const listed = new Map<string, ArchiveEntry>();
  for await (const entry of walk.entries) {
    try {
      const path = entry.path.join("/");
      listed.set(path, await describe(path, entry, walk, listed));
    } catch (error) {
      throw walk.explain(error, entry);
    }
  }
  return [...listed.values()];
}

async function describe(
  path: string,
  entry: WalkedEntry,
  walk: Walk,
  earlier: ReadonlyMap<string, ArchiveEntry>,
): Promise<ArchiveEntry> {
  switch (entry.kind) {
    case "directory":
      return { path, kind: "directory", mode: folderMode, size: 0 };
    case "symlink":
      return { path, kind: "symlink", mode: linkMode, size: 0 };
    case "hardlink":
      return { ...linkedEntry(walk, entry, earlier), path };
    case "file": {
      const { head, chunks } = await peek(entry.content);
      let size = 0;
      for await (const chunk of chunks) size += chunk.length;
      return { path, kind: "file", mode: fileMode(entry.isExecutable, head), size };
    }
  }
}
