/**
 * A folder held open, so that operations reach the same folder even if its path is replaced by a link.
 *
 * Node has no `openat()`. On Linux, the open folder's path below `/proc/self/fd` has the same effect. On other systems,
 * the folder is compared with its path before each operation.
 */
import { constants, existsSync, type Stats } from "node:fs";
import {
  type FileHandle,
  lstat,
  lutimes,
  mkdir,
  mkdtemp,
  open,
  readdir,
  rename,
  rmdir,
  stat,
  unlink,
} from "node:fs/promises";
import { basename, join } from "node:path";
import { isErrno } from "../errors.ts";
import { HashedFile } from "./hashed-write.ts";
import { type OpenedFile, openFile } from "./opened-file.ts";
import { patiently } from "./patience.ts";
import { placeAtomically } from "./place.ts";
import { createUnnamed } from "./unnamed-file.ts";

const { O_DIRECTORY = 0, O_NOFOLLOW = 0, O_RDONLY } = constants;
const descriptors = "/proc/self/fd";
/**
 * `O_PATH` of Linux: holds a folder without read permission. Node lacks the constant.
 *
 * @see open(2); asm-generic/fcntl.h
 */
const pathFlag = 0o10000000;

export class HeldFolder {
  /** Names the folder in messages. */
  readonly path: string;
  /** State at the time of opening. */
  readonly stats: Stats;
  readonly #handle: FileHandle | undefined;
  /** Path to the open folder itself. */
  readonly #base: string;

  private constructor(path: string, handle: FileHandle | undefined, stats: Stats) {
    this.path = path;
    this.stats = stats;
    this.#handle = handle;
    const alias = handle === undefined ? undefined : join(descriptors, String(handle.fd));
    this.#base = alias !== undefined && existsSync(alias) ? alias : path;
  }

  /**
   * @param links Whether to follow a link at the end of the path.
   * @returns undefined if the path is missing, names no folder, or ends in a refused link.
   * @throws Node's error
   */
  static async open(path: string, links: "follow" | "refuse"): Promise<HeldFolder | undefined> {
    return await HeldFolder.#openAs(path, path, links);
  }

  static async #openAs(path: string, name: string, links: "follow" | "refuse"): Promise<HeldFolder | undefined> {
    // Windows cannot open folders.
    if (O_DIRECTORY === 0) {
      const stats = await (links === "follow" ? stat(path) : lstat(path)).catch(() => undefined);
      return stats?.isDirectory() ? new HeldFolder(name, undefined, stats) : undefined;
    }
    try {
      const flags = O_DIRECTORY | (links === "refuse" ? O_NOFOLLOW : 0);
      const handle = await open(path, flags | O_RDONLY).catch(async (cause: unknown) => {
        // A folder can be writable without being readable, as `/tmp` is on some machines.
        if (!isErrno(cause, "EACCES") || !existsSync(descriptors)) throw cause;
        return await open(path, flags | pathFlag);
      });
      return new HeldFolder(name, handle, await handle.stat());
    } catch (cause) {
      if (["ENOENT", "ENOTDIR", "ELOOP"].some((code) => isErrno(cause, code))) return undefined;
      throw cause;
    }
  }

  /** Opens a subfolder; a link is refused. @param name A single name, without a separator. */
  async child(name: string): Promise<HeldFolder | undefined> {
    return await this.#on(name, (path) => HeldFolder.#openAs(path, join(this.path, name), "refuse"));
  }

  /** {@link child}, created if missing. */
  async makeChild(name: string): Promise<HeldFolder | undefined> {
    await this.mkdir(name);
    return await this.child(name);
  }

  /** @returns False if the name exists. */
  async mkdir(name: string): Promise<boolean> {
    try {
      await this.#on(name, (path) => mkdir(path, 0o755));
      return true;
    } catch (cause) {
      if (isErrno(cause, "EEXIST")) return false;
      throw cause;
    }
  }

  async names(): Promise<string[]> {
    return await this.#on(".", (path) => readdir(path));
  }

  /** `lstat()` of an entry; undefined on any error. */
  async look(name: string): Promise<Stats | undefined> {
    return await lstat(await this.#at(name)).catch(() => undefined);
  }

  /** Opens a regular file; see {@link openFile}. */
  async openFile(name: string, links: "follow" | "refuse" = "refuse"): Promise<OpenedFile> {
    return await this.#on(name, (path) => openFile(path, links, join(this.path, name)));
  }

  /** {@link placeAtomically} in this folder: replaces an existing entry; a link is not followed. */
  async place(name: string, write: (stagedPath: string) => Promise<{ readonly mode: number }>): Promise<void> {
    await this.#on(name, (path) => placeAtomically(path, write, join(this.path, name)));
  }

  /** Creates a file. @throws Node's error; `EEXIST` if the name exists */
  async create(name: string): Promise<HashedFile> {
    return await this.#on(name, (path) => HashedFile.create(path, join(this.path, name)));
  }

  /** {@link createUnnamed} in this folder. */
  async createUnnamed(name: string): Promise<HashedFile> {
    return await this.#on(".", (path) => createUnnamed(path, name, join(this.path, name)));
  }

  /**
   * Creates a file with this text.
   *
   * @param mode Regardless of the umask.
   * @throws Node's error; `EEXIST` if the name exists
   */
  async writeNew(name: string, text: string, mode: number): Promise<void> {
    await this.#on(name, async (path) => {
      const handle = await open(path, "wx", 0o600);
      try {
        await handle.writeFile(text);
        await handle.chmod(mode);
      } finally {
        await handle.close();
      }
    });
  }

  /** `rename()` into another or the same folder. */
  async move(name: string, to: HeldFolder, newName: string): Promise<void> {
    await this.#on(name, (path) => to.#on(newName, (newPath) => patiently(() => rename(path, newPath))));
  }

  /** Sets an entry's times; a link is not followed. @param timeMs Milliseconds since the epoch. */
  async setTime(name: string, timeMs: number): Promise<void> {
    await this.#on(name, (path) => lutimes(path, timeMs / 1000, timeMs / 1000));
  }

  /**
   * Removes a file, or a link itself.
   *
   * @returns False if the name did not exist.
   * @throws Node's error; also for a folder
   */
  async unlink(name: string): Promise<boolean> {
    return await isDone(this.#on(name, (path) => unlink(path)));
  }

  /** Removes an empty folder. @returns False if the name did not exist. */
  async rmdir(name: string): Promise<boolean> {
    return await isDone(this.#on(name, (path) => rmdir(path)));
  }

  /** Sets the mode of the open folder itself. */
  async setMode(mode: number): Promise<void> {
    await this.#handle?.chmod(mode);
  }

  /**
   * Creates and opens an empty folder with mode 0700 and a unique name that begins with `prefix`.
   *
   * @throws If another user replaced the new folder by a non-empty folder before it was opened.
   */
  async makeTemporary(prefix: string): Promise<{ readonly name: string; readonly folder: HeldFolder }> {
    const name = basename(await this.#on(prefix, (path) => mkdtemp(path)));
    const folder = await this.child(name);
    if (folder !== undefined && (await folder.names()).length === 0) return { name, folder };
    await folder?.close();
    throw new Error(`${join(this.path, name)} was replaced by another entry`);
  }

  /** True if `found` describes this folder (same device and inode). */
  is(found: Stats | undefined): boolean {
    return found !== undefined && found.dev === this.stats.dev && found.ino === this.stats.ino;
  }

  /** A path to the open folder itself, valid only in this process and only while the folder is open. */
  get heldPath(): string {
    return this.#base;
  }

  /** Removes the folder's content recursively through held folders, so that no link is followed. */
  async removeContents(): Promise<void> {
    for (const name of await this.names()) {
      const folder = await this.child(name);
      if (folder === undefined) {
        await this.unlink(name);
        continue;
      }
      await folder.removeContents().finally(() => folder.close());
      await this.rmdir(name);
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }

  /** Runs `work` with a path into the open folder. Errors name the folder's own path. */
  async #on<T>(name: string, work: (path: string) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#at(name));
    } catch (cause) {
      throw this.named(cause);
    }
  }

  /** Replaces {@link heldPath} by the folder's own path in the messages of an error and its causes. */
  named(error: unknown): unknown {
    if (this.#base === this.path) return error;
    for (let one = error; one instanceof Error; one = one.cause) {
      one.message = one.message.replaceAll(`${this.#base}/`, `${this.path}/`);
    }
    return error;
  }

  async #at(name: string): Promise<string> {
    if (this.#base !== this.path) return join(this.#base, name);
    if (!this.is(await stat(this.path))) throw new Error(`${this.path} was replaced by another folder`);
    return join(this.path, name);
  }
}

/** @returns False for `ENOENT`. */
async function isDone(removing: Promise<void>): Promise<boolean> {
  try {
    await removing;
    return true;
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return false;
    throw cause;
  }
}
