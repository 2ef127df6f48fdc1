/**
 * Writing of a checked tree into a private folder. Links are created last, so that no file can be written through a
 * link.
 */
import { constants } from "node:fs";
import { chmod, copyFile, link, lstat, mkdir, open, symlink } from "node:fs/promises";
import { join } from "node:path";
import { isErrno, LocalIoError, localIoError } from "../errors.ts";
import { type ArchiveEntry, fileMode, folderMode, linkMode, peek } from "./entry.ts";
import { checkLocalNames, explainTaken, takenName } from "./local-names.ts";
import type { LinkEnd } from "./tree.ts";
import { linkedEntry, type Walk, type WalkedEntry } from "./walk.ts";

/**
 * Writes all entries below `folder`.
 *
 * @returns The written entries, in the archive's order.
 * @throws {ContentVerificationError} `ARCHIVE_…`; the caller removes partial output
 * @throws {LocalIoError} the caller removes partial output
 */
export async function writeEntries(walk: Walk, folder: string, signal: AbortSignal): Promise<ArchiveEntry[]> {
  const written = new Map<string, ArchiveEntry>();
  const links: Link[] = [];
  const folders = new Folders(folder);
  for await (const entry of walk.entries) {
    signal.throwIfAborted();
    const path = entry.path.join("/");
    try {
      checkLocalNames(entry);
      await folders.make(entry.kind === "directory" ? entry.path : entry.path.slice(0, -1));
      switch (entry.kind) {
        case "directory":
          written.set(path, { path, kind: "directory", mode: folderMode, size: 0 });
          break;
        case "file":
          written.set(path, await writeFile(entry, path, folder));
          break;
        case "hardlink":
          written.set(path, await writeHardLink(linkedEntry(walk, entry, written), path, folder));
          break;
        case "symlink":
          links.push({ path, entry });
          written.set(path, symbolicLink(path));
          break;
      }
    } catch (error) {
      throw walk.explain(explainTaken(error), entry);
    }
  }
  const ends = walk.links();
  for (const link of links) {
    try {
      written.set(link.path, await writeLink(link, ends.get(link.path), { folder, written }));
    } catch (error) {
      throw walk.explain(explainTaken(error), link.entry);
    }
  }
  return [...written.values()];
}

interface Link {
  readonly path: string;
  readonly entry: WalkedEntry;
}

function symbolicLink(path: string): ArchiveEntry {
  return { path, kind: "symlink", mode: linkMode, size: 0 };
}

/**
 * Creates a symbolic link. Some systems refuse links with EPERM: Windows without Developer Mode, and FAT. There, a link
 * to a file of the archive becomes a hard link or a copy.
 */
async function writeLink(
  { path, entry: { linkTarget: target } }: Link,
  end: LinkEnd | undefined,
  { folder, written }: { readonly folder: string; readonly written: ReadonlyMap<string, ArchiveEntry> },
): Promise<ArchiveEntry> {
  // Links come last: some systems could put a link in the place of a file.
  if ((await lstat(join(folder, path)).catch(() => undefined)) !== undefined) throw takenName();
  try {
    // The type matters only on Windows.
    await symlink(target, join(folder, path), end?.kind === "directory" ? "dir" : "file");
    return symbolicLink(path);
  } catch (cause) {
    if (!isErrno(cause, "EPERM")) throw localIoError(`create the link ${path}`, cause);
    const file = end?.kind === "file" ? written.get(end.path) : undefined;
    if (file !== undefined) return await writeHardLink(file, path, folder);
    const message = `could not create the link ${path}: this system or file system refuses links`;
    throw new LocalIoError("PERMISSION_DENIED", message, {
      cause,
      hint: "enable the Developer Mode of Windows, or name a folder on a file system with links",
    });
  }
}

/** Creates each folder once, with a mode regardless of the umask. */
class Folders {
  readonly #root: string;
  readonly #made = new Set<string>([""]);

  constructor(root: string) {
    this.#root = root;
  }

  async make(path: readonly string[]): Promise<void> {
    if (this.#made.has(path.join("/"))) return;
    for (let depth = 1; depth <= path.length; depth += 1) {
      const relative = path.slice(0, depth).join("/");
      if (this.#made.has(relative)) continue;
      const absolute = join(this.#root, relative);
      try {
        await mkdir(absolute, folderMode);
        await chmod(absolute, folderMode);
      } catch (cause) {
        throw localIoError(`create the folder ${absolute}`, cause);
      }
      this.#made.add(relative);
    }
  }
}

async function writeFile(entry: WalkedEntry, path: string, folder: string): Promise<ArchiveEntry> {
  const { head, chunks } = await peek(entry.content);
  const mode = fileMode(entry.isExecutable, head);
  const absolute = join(folder, path);
  // Read errors must pass through, so only write calls are wrapped.
  const writing = <T>(call: Promise<T>): Promise<T> =>
    call.catch((cause: unknown) => {
      throw localIoError(`write ${absolute}`, cause);
    });
  const file = await writing(open(absolute, "wx", 0o600));
  let size = 0;
  try {
    for await (const chunk of chunks) {
      for (let offset = 0; offset < chunk.length; ) {
        offset += (await writing(file.write(chunk, offset))).bytesWritten;
      }
      size += chunk.length;
    }
    await writing(file.chmod(mode));
  } finally {
    await writing(file.close());
  }
  return { path, kind: "file", mode, size };
}

/** Creates a hard link to an earlier file; a copy if the file system has no hard links. */
async function writeHardLink(linked: ArchiveEntry, path: string, folder: string): Promise<ArchiveEntry> {
  const source = join(folder, linked.path);
  const target = join(folder, path);
  try {
    await link(source, target);
  } catch {
    try {
      await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      await chmod(target, linked.mode);
    } catch (cause) {
      throw localIoError(`write ${target}`, cause);
    }
  }
  return { ...linked, path };
}
