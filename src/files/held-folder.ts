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
  open,
  readdir,
  rename,
  rmdir,
  stat,
  unlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { isErrno } from "../errors.ts";
import { HashedFile } from "./hashed-write.ts";
import { type OpenedFile, openFile } from "./opened-file.ts";
import { placeAtomically } from "./place.ts";
import { createUnnamed } from "./unnamed-file.ts";

const { O_DIRECTORY = 0, O_NOFOLLOW = 0, O_RDONLY } = constants;
const descriptors = "/proc/self/fd";

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
      const handle = await open(path, O_RDONLY | O_DIRECTORY | (links === "refuse" ? O_NOFOLLOW : 0));
      return new HeldFolder(name, handle, await handle.stat());
    } catch (cause) {
      if (["ENOENT", "ENOTDIR", "ELOOP"].some((code) => isErrno(cause, code))) return undefined;
      throw cause;
    }
  }

  /** @param name A single name, without a separator. */
  async child(name: string): Promise<HeldFolder | undefined> {
    return await HeldFolder.#openAs(await this.#at(name), join(this.path, name), "refuse");
  }

  /** {@link child}, which is made where nothing has its name. */
  async makeChild(name: string): Promise<HeldFolder | undefined> {
    await this.mkdir(name);
    return await this.child(name);
  }

  /** @returns false when something has the name already. */
  async mkdir(name: string): Promise<boolean> {
    try {
      await mkdir(await this.#at(name), 0o755);
      return true;
    } catch (cause) {
      if (isErrno(cause, "EEXIST")) return false;
      throw cause;
    }
  }

  async names(): Promise<string[]> {
    return await readdir(await this.#at("."));
  }

  /** Of the entry itself: a link is not followed. */
  async look(name: string): Promise<Stats | undefined> {
    return await lstat(await this.#at(name)).catch(() => undefined);
  }

  /** A regular file; see {@link openFile}. */
  async openFile(name: string, links: "follow" | "refuse" = "refuse"): Promise<OpenedFile> {
    return await openFile(await this.#at(name), links, join(this.path, name));
  }

  /** {@link placeAtomically} in this folder: what has the name already is replaced, and a link not followed. */
  async place(name: string, write: (stagedPath: string) => Promise<{ readonly mode: number }>): Promise<void> {
    await placeAtomically(await this.#at(name), write, join(this.path, name));
  }

  /** A new file. @throws Node's `EEXIST` when something has the name already */
  async create(name: string): Promise<HashedFile> {
    return await HashedFile.create(await this.#at(name), join(this.path, name));
  }

  /** {@link createUnnamed} in this folder. */
  async createUnnamed(name: string): Promise<HashedFile> {
    return await createUnnamed(await this.#at(name), join(this.path, name));
  }

  /** A new file with this text, which everybody may read. @throws Node's `EEXIST` when something has the name already */
  async writeNew(name: string, text: string): Promise<void> {
    await writeFile(await this.#at(name), text, { flag: "wx", mode: 0o644 });
  }

  /** `rename()` into the other folder, or within this one. */
  async move(name: string, to: HeldFolder, newName: string): Promise<void> {
    await rename(await this.#at(name), await to.#at(newName));
  }

  /** Of the entry itself: a link is not followed. @param timeMs Since the epoch. */
  async setTime(name: string, timeMs: number): Promise<void> {
    await lutimes(await this.#at(name), timeMs / 1000, timeMs / 1000);
  }

  /** Removes a name: of a link the link. @returns false when it was gone. @throws Node's error, for a folder too */
  async unlink(name: string): Promise<boolean> {
    return await isDone(unlink(await this.#at(name)));
  }

  /** Removes an empty folder. @returns false when it was gone. */
  async rmdir(name: string): Promise<boolean> {
    return await isDone(rmdir(await this.#at(name)));
  }

  /** Of the open folder itself. */
  async setMode(mode: number): Promise<void> {
    await this.#handle?.chmod(mode);
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }

  async #at(name: string): Promise<string> {
    if (this.#base !== this.path) return join(this.#base, name);
    const now = await stat(this.path);
    if (identityOf(now) !== identityOf(this.stats)) throw new Error(`${this.path} is another folder than before`);
    return join(this.path, name);
  }
}

function identityOf({ dev, ino }: Stats): string {
  return `${dev} ${ino}`;
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
