/** Reading of a folder on disk as archive items, in an order that depends only on names. */
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { LocalIoError, localIoError, UsageError } from "../errors.ts";
import { foldName, type PathSystems, parseEntryPath, parseLinkTarget } from "./entry-path.ts";
import { defaultLimits } from "./limits.ts";
import { quoted, Refusal } from "./refusal.ts";
import { EntryTree } from "./tree.ts";

export interface DiskItem {
  /** Path relative to the folder, separated by `/`. */
  readonly name: string;
  /** Path on disk. */
  readonly path: string;
  readonly kind: "directory" | "file" | "symlink";
  /** True if the mode has an executable bit. */
  readonly isExecutable: boolean;
  /** Bytes of a file, else 0. */
  readonly size: number;
  /** Target of a symbolic link, unchanged. */
  readonly target: string;
}

/**
 * Reads everything below `folder`, parents first, names in byte order.
 *
 * @param systems Where the folder will be unpacked.
 * @throws {UsageError} an entry that could not be unpacked there
 * @throws {LocalIoError}
 */
export async function readFolder(
  folder: string,
  signal: AbortSignal,
  systems: PathSystems = "portable",
): Promise<DiskItem[]> {
  const folds = new Map<string, string>();
  const tree = new EntryTree(defaultLimits.maxEntries);
  const items: DiskItem[] = [];
  const pending = [""];
  try {
    for (let parent = pending.pop(); parent !== undefined; parent = pending.pop()) {
      signal.throwIfAborted();
      for (const entry of await readdir(join(folder, parent))) {
        const item = await itemAt(folder, parent === "" ? entry : `${parent}/${entry}`);
        addToTree(tree, item, systems);
        if (systems === "portable") checkTwin(folds, item.name);
        items.push(item);
        if (item.kind === "directory") pending.push(item.name);
      }
    }
    tree.checkLinks();
  } catch (cause) {
    if (cause instanceof Refusal) throw refused(folder, cause);
    throw signal.aborted ? cause : localIoError(`read ${folder}`, cause);
  }
  return items.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}

function refused(folder: string, cause: Refusal): UsageError {
  const subject = cause.entry === undefined ? folder : `${folder}: ${quoted(cause.entry)}`;
  return new UsageError("USAGE_INVALID", `${subject} ${cause.message}`, {
    cause,
    hint: "remove or rename this entry: it could not be unpacked on every system, as a folder for Linux alone may be",
  });
}

function addToTree(tree: EntryTree, item: DiskItem, systems: PathSystems): void {
  try {
    const path = parseEntryPath(item.name, defaultLimits, systems);
    if (item.kind === "directory") tree.addDirectory(path);
    else if (item.kind === "file") tree.addFile(path);
    else tree.addSymlink(path, parseLinkTarget(item.target, defaultLimits, systems));
  } catch (error) {
    if (error instanceof Refusal) error.entry = item.name;
    throw error;
  }
}

/** Refuses two names that some file systems take for one. */
function checkTwin(folds: Map<string, string>, name: string): void {
  const key = name.split("/").map(foldName).join("/");
  const twin = folds.get(key);
  folds.set(key, name);
  if (twin === undefined) return;
  const refusal = new Refusal(
    "ARCHIVE_UNSAFE",
    `differs from ${quoted(twin)} only in ways that some file systems ignore`,
  );
  refusal.entry = name;
  throw refusal;
}

async function itemAt(folder: string, name: string): Promise<DiskItem> {
  const path = join(folder, name);
  const found = await lstat(path);
  const item = { name, path, isExecutable: false, size: 0, target: "" };
  if (found.isDirectory()) return { ...item, kind: "directory" };
  if (found.isSymbolicLink()) return { ...item, kind: "symlink", target: await readlink(path) };
  if (!found.isFile()) throw new LocalIoError("LOCAL_IO", `${path} is a device, a pipe or a socket`);
  return { ...item, kind: "file", isExecutable: (found.mode & 0o111) !== 0, size: found.size };
}
