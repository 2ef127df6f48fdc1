/** Listing of an archive's entries without unpacking. */
import type { FileSource, OpenedFile } from "../files/opened-file.ts";
import { type ArchiveEntry, fileMode, folderMode, linkMode, peek } from "./entry.ts";
import { type ProgramKind, programKind } from "./executable.ts";
import { linkedEntry, readingArchive, type Walk, type WalkedEntry, type WalkOptions, walkArchive } from "./walk.ts";

/** An entry with the evidence for a program. */
export interface ListedEntry extends ArchiveEntry {
  /** True if the archive states a mode with an executable bit. */
  readonly isMarked: boolean;
  /** Kind by the first bytes of the file; of a link, by the bytes of the file that the link leads to. */
  readonly program: ProgramKind | undefined;
  /** Path of the file that a symbolic link leads to; undefined for other entries and other targets. */
  readonly linkedFile: string | undefined;
}

/**
 * Reads the whole archive and refuses what `extractArchive` would refuse, so that every entry named in a lock can be
 * unpacked.
 *
 * @returns Entries in the archive's order, without implied folders.
 * @throws {ContentVerificationError} like `extractArchive`
 */
export async function listArchive(archive: FileSource, options: WalkOptions): Promise<ListedEntry[]> {
  return await readingArchive(archive, (file) => listOpened(file, options));
}

async function listOpened(file: OpenedFile, options: WalkOptions): Promise<ListedEntry[]> {
  const walk = await walkArchive(file, options);
  const listed = new Map<string, ListedEntry>();
  for await (const entry of walk.entries) {
    try {
      const path = entry.path.join("/");
      listed.set(path, await describe(path, entry, walk, listed));
    } catch (error) {
      throw walk.explain(error, entry);
    }
  }
  const ends = walk.links();
  return [...listed.values()].map((entry) => {
    const end = entry.kind === "symlink" ? ends.get(entry.path) : undefined;
    const target = end?.kind === "file" ? listed.get(end.path) : undefined;
    if (target === undefined) return entry;
    return { ...entry, isMarked: target.isMarked, program: target.program, linkedFile: target.path };
  });
}

const noEvidence = { isMarked: false, program: undefined, linkedFile: undefined };

async function describe(
  path: string,
  entry: WalkedEntry,
  walk: Walk,
  earlier: ReadonlyMap<string, ListedEntry>,
): Promise<ListedEntry> {
  switch (entry.kind) {
    case "directory":
      return { ...noEvidence, path, kind: "directory", mode: folderMode, size: 0 };
    case "symlink":
      return { ...noEvidence, path, kind: "symlink", mode: linkMode, size: 0 };
    case "hardlink":
      return { ...linkedEntry(walk, entry, earlier), path };
    case "file": {
      const { head, chunks } = await peek(entry.content);
      let size = 0;
      for await (const chunk of chunks) size += chunk.length;
      const mode = fileMode(entry.isExecutable, head);
      return {
        path,
        kind: "file",
        mode,
        size,
        isMarked: entry.isExecutable,
        program: programKind(head),
        linkedFile: undefined,
      };
    }
  }
}
