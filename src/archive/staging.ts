/**
 * Writes a checked tree into a folder that nobody else uses. Links come last: while files are written there is none that
 * could be written through.
 */
import { constants } from "node:fs";
import { chmod, copyFile, link, mkdir, open, symlink } from "node:fs/promises";
import { join } from "node:path";
import { localIoError } from "../errors.ts";
import { type ArchiveEntry, fileMode, folderMode, linkMode, peek } from "./entry.ts";
import { linkedEntry, type Walk, type WalkedEntry } from "./walk.ts";

/**
 * Writes all entries below `folder`.
 *
 * @returns What was written, in the archive's order.
 * @throws {ContentVerificationError} `ARCHIVE_…`, {LocalIoError}; what was written by then stays for the caller to remove
 */
export async function writeEntries(walk: Walk, folder: string, signal: AbortSignal): Promise<ArchiveEntry[]> {
  const written = new Map<string, ArchiveEntry>();
  const links: { readonly path: string; readonly target: string }[] = [];
  const folders = new Folders(folder);
  for await (const entry of walk.entries) {
    signal.throwIfAborted();
    const path = entry.path.join("/");
    try {
      await folders.make(entry.kind === "directory" ? entry.path : entry.path.slice(0, -1));
      switch (entry.kind) {
        case "directory":
          written.set(path, { path, kind: "directory", mode: folderMode, size: 0 });
          break;
        case "file":
          written.set(path, await writeFile(entry, path, folder));
          break;
        case "hardlink":
          written.set(path, await writeHardLink(entry, path, folder, walk, written));
          break;
        case "symlink":
          links.push({ path, target: entry.linkTarget });
          written.set(path, { path, kind: "symlink", mode: linkMode, size: 0 });
          break;
      }
    } catch (error) {
      throw walk.explain(error, entry);
    }
  }
  const leadsToFolder = walk.links();
  for (const { path, target } of links) {
    // The type matters on Windows alone.
    await symlink(target, join(folder, path), leadsToFolder.get(path) ? "dir" : "file").catch((cause: unknown) => {
      throw localIoError(`make the link ${path}`, cause);
    });
  }
  return [...written.values()];
}

/** Makes each folder once, with a mode that no umask changes. */
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
        throw localIoError(`make the folder ${absolute}`, cause);
      }
      this.#made.add(relative);
    }
  }
}

async function writeFile(entry: WalkedEntry, path: string, folder: string): Promise<ArchiveEntry> {
  const { head, chunks } = await peek(entry.content);
  const mode = fileMode(entry.isExecutable, head);
  const absolute = join(folder, path);
  // Reading fails with errors of its own, so only the calls that write are wrapped.
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

/** A link where the file system has them, else a copy. */
async function writeHardLink(
  entry: WalkedEntry,
  path: string,
  folder: string,
  walk: Walk,
  written: ReadonlyMap<string, ArchiveEntry>,
): Promise<ArchiveEntry> {
  const linked = linkedEntry(walk, entry, written);
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
