/**
 * A folder that stands open, so that what is done in it is done in this folder, whoever puts a link in its place meanwhile.
 *
 * Node has no `openat()`. On Linux the name of an open folder below `/proc/self/fd` does the same; where there is none, the folder is
 * compared with its path before each step.
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
import { placeAtomically } from "./place.ts";
import { createUnnamed } from "./unnamed-file.ts";

const { O_DIRECTORY = 0, O_NOFOLLOW = 0, O_RDONLY } = constants;
const descriptors = "/proc/self/fd";
/** Linux: the folder is held without a right to read it. Node has no constant for it. @see open(2), O_PATH; asm-generic/fcntl.h */
const pathFlag = 0o10000000;

export class HeldFolder {
  /** For messages. */
  readonly path: string;
  /** When it was opened. */
  readonly stats: Stats;
  readonly #handle: FileHandle | undefined;
  /** Leads to the open folder itself. */
  readonly #base: string;

  private constructor(path: string, handle: FileHandle | undefined, stats: Stats) {
    this.path = path;
    this.stats = stats;
    this.#handle = handle;
    const alias = handle === undefined ? undefined : join(descriptors, String(handle.fd));
    this.#base = alias !== undefined && existsSync(alias) ? alias : path;
  }

  /**
   * @param links Whether a link at the end of the path is followed.
   * @returns undefined for what is no folder or a link that is not followed, and for what is not there.
   */
  static async open(path: string, links: "follow" | "refuse"): Promise<HeldFolder | undefined> {
    return await HeldFolder.#openAs(path, path, links);
  }

  static async #openAs(path: string, name: string, links: "follow" | "refuse"): Promise<HeldFolder | undefined> {
    // Windows opens no folders.
    if (O_DIRECTORY === 0) {
      const stats = await (links === "follow" ? stat(path) : lstat(path)).catch(() => undefined);
      return stats?.isDirectory() ? new HeldFolder(name, undefined, stats) : undefined;
    }
    try {
      const flags = O_DIRECTORY | (links === "refuse" ? O_NOFOLLOW : 0);
      const handle = await open(path, flags | O_RDONLY).catch(async (cause: unknown) => {
        // Some may not be read, and be written into all the same, as `/tmp` is on some machines.
        if (!isErrno(cause, "EACCES") || !existsSync(descriptors)) throw cause;
        return await open(path, flags | pathFlag);
      });
      return new HeldFolder(name, handle, await handle.stat());
    } catch (cause) {
      if (["ENOENT", "ENOTDIR", "ELOOP"].some((code) => isErrno(cause, code))) return undefined;
      throw cause;
    }
  }

  /** @param name A single name, without a separator. */
  async child(name: string): Promise<HeldFolder | undefined> {
    return await this.#on(name, (path) => HeldFolder.#openAs(path, join(this.path, name), "refuse"));
  }

  /** {@link child}, which is made where nothing has its name. */
  async makeChild(name: string): Promise<HeldFolder | undefined> {
    await this.mkdir(name);
    return await this.child(name);
  }

  /** @returns false when something has the name already. */
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

  /** Looks at the entry itself: a link is not followed. */
  async look(name: string): Promise<Stats | undefined> {
    return await lstat(await this.#at(name)).catch(() => undefined);
  }

  /** A regular file; see {@link openFile}. */
  async openFile(name: string, links: "follow" | "refuse" = "refuse"): Promise<OpenedFile> {
    return await this.#on(name, (path) => openFile(path, links, join(this.path, name)));
  }

  /** {@link placeAtomically} in this folder: what has the name already is replaced, and a link not followed. */
  async place(name: string, write: (stagedPath: string) => Promise<{ readonly mode: number }>): Promise<void> {
    await this.#on(name, (path) => placeAtomically(path, write, join(this.path, name)));
  }

  /** A new file. @throws Node's `EEXIST` when something has the name already */
  async create(name: string): Promise<HashedFile> {
    return await this.#on(name, (path) => HashedFile.create(path, join(this.path, name)));
  }

  /** {@link createUnnamed} in this folder. */
  async createUnnamed(name: string): Promise<HashedFile> {
    return await this.#on(".", (path) => createUnnamed(path, name, join(this.path, name)));
  }

  /** A new file with this text. @param mode Whatever the umask is. @throws Node's `EEXIST` when something has the name already */
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

  /** `rename()` into the other folder, or within this one. */
  async move(name: string, to: HeldFolder, newName: string): Promise<void> {
    await this.#on(name, (path) => to.#on(newName, (newPath) => rename(path, newPath)));
  }

  /** Sets the time of the entry itself: a link is not followed. @param timeMs Since the epoch. */
  async setTime(name: string, timeMs: number): Promise<void> {
    await this.#on(name, (path) => lutimes(path, timeMs / 1000, timeMs / 1000));
  }

  /** Removes a name: of a link the link. @returns false when it was gone. @throws Node's error, for a folder too */
  async unlink(name: string): Promise<boolean> {
    return await isDone(this.#on(name, (path) => unlink(path)));
  }

  /** Removes an empty folder. @returns false when it was gone. */
  async rmdir(name: string): Promise<boolean> {
    return await isDone(this.#on(name, (path) => rmdir(path)));
  }

  /** Sets the mode of the open folder itself. */
  async setMode(mode: number): Promise<void> {
    await this.#handle?.chmod(mode);
  }

  /**
   * A new empty folder of this user's alone, open, whose name begins with `prefix`.
   *
   * @throws Where others can write, another folder may have its name by the time that it is opened: one that has things in it is not used.
   */
  async makeTemporary(prefix: string): Promise<{ readonly name: string; readonly folder: HeldFolder }> {
    const name = basename(await this.#on(prefix, (path) => mkdtemp(path)));
    const folder = await this.child(name);
    if (folder !== undefined && (await folder.names()).length === 0) return { name, folder };
    await folder?.close();
    throw new Error(`${join(this.path, name)} was replaced by something else`);
  }

  /** True for what was looked at when it is this folder. */
  is(found: Stats | undefined): boolean {
    return found !== undefined && found.dev === this.stats.dev && found.ino === this.stats.ino;
  }

  /** A path to the open folder itself, for as long as it is open in this process; a path for no other program. */
  get heldPath(): string {
    return this.#base;
  }

  /** Removes all that is in the folder, through folders that stand open: no link is followed, whoever puts one there meanwhile. */
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

  /** Does `work` with a path that leads into the open folder; an error names the folder by its own path. */
  async #on<T>(name: string, work: (path: string) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#at(name));
    } catch (cause) {
      throw this.named(cause);
    }
  }

  /** The error, with the folder's own path in the place of {@link heldPath}, in its causes, too. */
  named(error: unknown): unknown {
    if (this.#base === this.path) return error;
    for (let one = error; one instanceof Error; one = one.cause) {
      one.message = one.message.replaceAll(`${this.#base}/`, `${this.path}/`);
    }
    return error;
  }

  async #at(name: string): Promise<string> {
    if (this.#base !== this.path) return join(this.#base, name);
    if (!this.is(await stat(this.path))) throw new Error(`${this.path} is another folder than before`);
    return join(this.path, name);
  }
}

async function isDone(removing: Promise<void>): Promise<boolean> {
  try {
    await removing;
    return true;
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return false;
    throw cause;
  }
}
