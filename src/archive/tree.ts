/**
 * The tree described by an archive, checked in memory before any write.
 *
 * Invariant: no entry lies below a symbolic link, so that no file is written through a link.
 *
 * Names in a folder may be twins, which some file systems take for one name. Only a file system that tells them apart
 * gets such a tree; all others refuse it in the staging folder, before anything is placed.
 */
import { foldName } from "./entry-path.ts";
import { quoted, Refusal } from "./refusal.ts";

interface Folder {
  readonly kind: "directory";
  readonly name: string;
  readonly parent: Folder | undefined;
  readonly children: Map<string, Node>;
  /** Children by their folded names; of twins, the first one. */
  readonly folded: Map<string, Node>;
}

interface Leaf {
  readonly kind: "file" | "symlink";
  readonly name: string;
  readonly parent: Folder;
  /** Target of a symbolic link; empty for a file. */
  readonly target: readonly string[];
}

type Node = Folder | Leaf;

/** Maximum number of links in a path, as in Linux. */
export const maxHops = 40;

/** Limit of steps for all links of an archive, so that nested links cost bounded time. */
const maxSteps = 2_000_000;

/** The end of a link. */
export interface LinkEnd {
  /** Undefined: the archive lacks the target. */
  readonly kind: "directory" | "file" | undefined;
  /** Path of the target in the archive; empty without a target. */
  readonly path: string;
}

export class EntryTree {
  readonly #root: Folder = { kind: "directory", name: "", parent: undefined, children: new Map(), folded: new Map() };
  readonly #links: { readonly link: Leaf; readonly path: string }[] = [];
  readonly #maxFolders: number;
  #folders = 0;

  /** @param maxFolders Limit of stated and implied folders: one short path can imply a hundred folders. */
  constructor(maxFolders: number) {
    this.#maxFolders = maxFolders;
  }

  /** Adds a folder; a repetition with the same spelling is allowed. @throws {Refusal} `ARCHIVE_UNSAFE` */
  addDirectory(path: readonly string[]): void {
    this.#folderAt(path);
  }

  /** @throws {Refusal} `ARCHIVE_UNSAFE` for a repeated name, or a path below a link or a file */
  addFile(path: readonly string[]): void {
    this.#addLeaf(path, "file", []);
  }

  /** Adds a link; `checkLinks` checks its target later, since a link may precede its target. */
  addSymlink(path: readonly string[], target: readonly string[]): void {
    const link = this.#addLeaf(path, "symlink", target);
    this.#links.push({ link, path: path.join("/") });
  }

  /** The kind of the entry with exactly this spelling; undefined if no such entry was added. */
  kindAt(path: readonly string[]): Node["kind"] | undefined {
    let node: Node = this.#root;
    for (const name of path) {
      const child: Node | undefined = node.kind === "directory" ? node.children.get(name) : undefined;
      if (child === undefined) return undefined;
      node = child;
    }
    return node.kind;
  }

  /**
   * Follows every link like a kernel, through other links too.
   *
   * @returns For each link's path, the file or folder that the link leads to.
   * @throws {Refusal} `ARCHIVE_UNSAFE` for a link that leads outside or in a cycle
   */
  checkLinks(): ReadonlyMap<string, LinkEnd> {
    const ends = new Map<string, LinkEnd>();
    let steps = 0;
    for (const { link, path } of this.#links) {
      const refuse = (why: string): Refusal => new Refusal("ARCHIVE_UNSAFE", `has a link ${quoted(path)} that ${why}`);
      /** Undefined for a component that the archive lacks; `..` still leads back. */
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
        const child = top?.kind === "directory" ? seen(top, part) : undefined;
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
        throw refuse(`may lead outside: it has \`..\` after ${quoted(unsure)}, which is not a folder of the archive`);
      }
      ends.set(path, endOf(trail));
    }
    return ends;
  }

  #addLeaf(path: readonly string[], kind: "file" | "symlink", target: readonly string[]): Leaf {
    const name = path.at(-1);
    if (name === undefined) throw new Refusal("ARCHIVE_UNSAFE", "replaces the output folder itself");
    const parent = this.#folderAt(path.slice(0, -1));
    const existing = parent.children.get(name);
    if (existing !== undefined) {
      const reason = `is in the archive twice: ${quoted(name)} is a ${nameOf(existing)} already`;
      throw new Refusal("ARCHIVE_UNSAFE", reason);
    }
    const leaf: Leaf = { kind, name, parent, target };
    add(parent, leaf);
    return leaf;
  }

  #folderAt(path: readonly string[]): Folder {
    let folder = this.#root;
    for (const name of path) {
      const child = folder.children.get(name);
      if (child === undefined) {
        this.#folders += 1;
        if (this.#folders > this.#maxFolders) {
          throw new Refusal("ARCHIVE_TOO_LARGE", `exceeds the limit of ${this.#maxFolders} folders`);
        }
        const made: Folder = { kind: "directory", name, parent: folder, children: new Map(), folded: new Map() };
        add(folder, made);
        folder = made;
      } else if (child.kind === "directory") {
        folder = child;
      } else {
        throw new Refusal("ARCHIVE_UNSAFE", `lies below ${quoted(name)}, which is a ${nameOf(child)} in the archive`);
      }
    }
    return folder;
  }
}

/** @param trail From the root to the target; links are already followed. */
function endOf(trail: readonly (Node | undefined)[]): LinkEnd {
  const kind = trail.at(-1)?.kind;
  if (kind === undefined || kind === "symlink") return { kind: undefined, path: "" };
  const names = trail.slice(1).map((node) => node?.name);
  return { kind, path: names.join("/") };
}

function nameOf(node: Node): string {
  return { directory: "folder", file: "file", symlink: "symbolic link" }[node.kind];
}

function add(folder: Folder, node: Node): void {
  folder.children.set(node.name, node);
  const key = foldName(node.name);
  if (!folder.folded.has(key)) folder.folded.set(key, node);
}

/**
 * The child that a kernel finds under a name. Another spelling counts where the name itself is missing: some file
 * system would find it.
 */
function seen(folder: Folder, name: string): Node | undefined {
  return folder.children.get(name) ?? folder.folded.get(foldName(name));
}

/**
 * The component of a link's target before a `..` that is not a folder of the archive: a link, or missing. Another
 * archive in the same output could define the component, and change the meaning of `..`. After folders of the archive,
 * `..` keeps its meaning, since no archive replaces a folder. Therefore links that are safe in each archive are safe
 * together, in any folder and order.
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
    const child = unsure === undefined ? trail.at(-1)?.children.get(part) : undefined;
    // Another spelling is another name on some file systems.
    if (child?.kind === "directory") trail.push(child);
    else unsure = part;
  }
  return undefined;
}

/** The parents of `node`, from the root down. */
function ancestors(node: Leaf): Folder[] {
  const found: Folder[] = [];
  for (let folder: Folder | undefined = node.parent; folder !== undefined; folder = folder.parent) found.push(folder);
  return found.reverse();
}
