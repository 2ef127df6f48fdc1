/**
 * The tree that an archive describes, kept in memory and checked before the file system sees any of it.
 *
 * Invariant: below a folder no two names fold to one, so that each entry is the same file on every system; nothing lies
 * below a symbolic link, so that no file is written through one.
 */
import { foldName } from "./entry-path.ts";
import { quoted, Refusal } from "./refusal.ts";

interface Folder {
  readonly kind: "directory";
  readonly name: string;
  readonly parent: Folder | undefined;
  readonly children: Map<string, Node>;
}

interface Leaf {
  readonly kind: "file" | "symlink";
  readonly name: string;
  readonly parent: Folder;
  /** Target of a symbolic link; empty for a file. */
  readonly target: readonly string[];
}

type Node = Folder | Leaf;

/** Links that one path may lead through; Linux allows as many. */
export const maxHops = 40;

/** Steps for all links of one archive together, so that links through links cost bounded time. */
const maxSteps = 2_000_000;

export class EntryTree {
  readonly #root: Folder = { kind: "directory", name: "", parent: undefined, children: new Map() };
  readonly #links: { readonly link: Leaf; readonly path: string }[] = [];
  readonly #maxFolders: number;
  #folders = 0;

  /** @param maxFolders Stated or implied: one entry of a short name can imply a hundred. */
  constructor(maxFolders: number) {
    this.#maxFolders = maxFolders;
  }

  /** @throws {Refusal} `ARCHIVE_UNSAFE`; a folder may be stated twice if it is spelled the same */
  addDirectory(path: readonly string[]): void {
    this.#folderAt(path);
  }

  /** @throws {Refusal} `ARCHIVE_UNSAFE` for a second entry of that name, or one below a link or a file */
  addFile(path: readonly string[]): void {
    this.#addLeaf(path, "file", []);
  }

  /** Where it leads is checked by `checkLinks`, since links may come before what they point to. */
  addSymlink(path: readonly string[], target: readonly string[]): void {
    const link = this.#addLeaf(path, "symlink", target);
    this.#links.push({ link, path: path.join("/") });
  }

  /** True for a file that was added, under exactly this path. */
  hasFile(path: readonly string[]): boolean {
    let folder = this.#root;
    for (const [index, name] of path.entries()) {
      const child = folder.children.get(foldName(name));
      if (child?.name !== name) return false;
      if (child.kind !== "directory") return child.kind === "file" && index === path.length - 1;
      folder = child;
    }
    return false;
  }

  /**
   * Follows every link as a kernel would, through other links too.
   *
   * @returns For each link, by its path, whether it leads to a folder.
   * @throws {Refusal} `ARCHIVE_UNSAFE` when one leads outside or in a circle
   */
  checkLinks(): ReadonlyMap<string, boolean> {
    const isFolder = new Map<string, boolean>();
    let steps = 0;
    for (const { link, path } of this.#links) {
      const refuse = (why: string): Refusal => new Refusal("ARCHIVE_UNSAFE", `has a link ${quoted(path)} that ${why}`);
      /** Undefined: nothing that the archive has; the way back up is the same. */
      const trail: (Node | undefined)[] = ancestors(link);
      const pending = link.target.toReversed();
      let hops = 0;
      for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
        steps += 1;
        if (steps > maxSteps) throw new Refusal("ARCHIVE_TOO_LARGE", "has links that are too entangled to follow");
        if (part === "..") {
          if (trail.length === 1) throw refuse(`leads outside: ${quoted(link.target.join("/"))}`);
          trail.pop();
          continue;
        }
        const top = trail.at(-1);
        const child = top?.kind === "directory" ? top.children.get(foldName(part)) : undefined;
        if (child?.kind !== "symlink") {
          trail.push(child);
          continue;
        }
        hops += 1;
        if (hops > maxHops) throw refuse("leads in a circle");
        pending.push(...child.target.toReversed());
      }
      const unsure = unsureStep(link);
      if (unsure !== undefined) {
        throw refuse(`may lead outside: it has \`..\` behind ${quoted(unsure)}, which is no folder of the archive`);
      }
      isFolder.set(path, trail.at(-1)?.kind === "directory");
    }
    return isFolder;
  }

  #addLeaf(path: readonly string[], kind: "file" | "symlink", target: readonly string[]): Leaf {
    const name = path.at(-1);
    if (name === undefined) throw new Refusal("ARCHIVE_UNSAFE", "takes the place of the folder that is unpacked into");
    const parent = this.#folderAt(path.slice(0, -1));
    const key = foldName(name);
    const existing = parent.children.get(key);
    if (existing !== undefined) throw collision(existing, name);
    const leaf: Leaf = { kind, name, parent, target };
    parent.children.set(key, leaf);
    return leaf;
  }

  #folderAt(path: readonly string[]): Folder {
    let folder = this.#root;
    for (const name of path) {
      const key = foldName(name);
      const child = folder.children.get(key);
      if (child === undefined) {
        this.#folders += 1;
        if (this.#folders > this.#maxFolders) {
          throw new Refusal("ARCHIVE_TOO_LARGE", `is in one of more than ${this.#maxFolders} folders, the limit`);
        }
        const made: Folder = { kind: "directory", name, parent: folder, children: new Map() };
        folder.children.set(key, made);
        folder = made;
      } else if (child.name !== name) {
        throw collision(child, name);
      } else if (child.kind === "directory") {
        folder = child;
      } else {
        throw new Refusal("ARCHIVE_UNSAFE", `lies below ${quoted(name)}, which the archive says is a ${nameOf(child)}`);
      }
    }
    return folder;
  }
}

function nameOf(node: Node): string {
  return { directory: "folder", file: "file", symlink: "symbolic link" }[node.kind];
}

function collision(existing: Node, name: string): Refusal {
  const reason =
    existing.name === name
      ? `is in the archive twice: ${quoted(name)} is a ${nameOf(existing)} already`
      : `differs from ${quoted(existing.name)} only in ways that some file systems ignore`;
  return new Refusal("ARCHIVE_UNSAFE", reason);
}

/**
 * The part of a link's own target that a `..` follows though it is no folder of the archive: a link, or nothing. What it will be is for another
 * archive in the same folder to say, and `..` leads elsewhere then. Behind folders of the archive `..` means the same for ever, since
 * no archive replaces a folder. So links that are safe each for itself are safe together, in whatever folder and order.
 */
function unsureStep(link: Leaf): string | undefined {
  const trail: Folder[] = ancestors(link);
  let unsure: string | undefined;
  for (const part of link.target) {
    if (part === "..") {
      if (unsure !== undefined) return unsure;
      trail.pop();
      continue;
    }
    const child = unsure === undefined ? trail.at(-1)?.children.get(foldName(part)) : undefined;
    // Spelled in another way it is another name to some file systems.
    if (child?.kind === "directory" && child.name === part) trail.push(child);
    else unsure = part;
  }
  return undefined;
}

/** From the root down to the folder that `node` is in. */
function ancestors(node: Leaf): Folder[] {
  const found: Folder[] = [];
  for (let folder: Folder | undefined = node.parent; folder !== undefined; folder = folder.parent) found.push(folder);
  return found.reverse();
}
