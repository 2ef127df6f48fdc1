/** Check of an archive's links in combination with an existing folder's content. */
import { lstat, readlink } from "node:fs/promises";
import { join } from "node:path";
import { ContentVerificationError, isErrno, localIoError } from "../errors.ts";
import { quoted } from "./refusal.ts";
import { maxHops } from "./tree.ts";

/** The folder after the merge: staged entries cover existing entries. */
class MergedTree {
  readonly #layers: readonly string[];

  constructor(staged: string, folder: string) {
    this.#layers = [staged, folder];
  }

  /** The target of the link at `path`; undefined for anything but a link. */
  async linkAt(path: string): Promise<string | undefined> {
    for (const layer of this.#layers) {
      const absolute = join(layer, path);
      try {
        return (await lstat(absolute)).isSymbolicLink() ? await readlink(absolute) : undefined;
      } catch (cause) {
        if (!isErrno(cause, "ENOENT") && !isErrno(cause, "ENOTDIR")) throw localIoError(`inspect ${absolute}`, cause);
      }
    }
    return undefined;
  }
}

/**
 * Follows each link of the archive, also through existing links.
 *
 * @param links Paths of the archive's links.
 * @throws {ContentVerificationError} `ARCHIVE_UNSAFE` for a link that would lead outside of `folder`
 */
export async function checkMergedLinks(staged: string, folder: string, links: readonly string[]): Promise<void> {
  const tree = new MergedTree(staged, folder);
  for (const link of links) {
    const through = await wayOut(tree, link);
    if (through === undefined) continue;
    throw new ContentVerificationError(
      "ARCHIVE_UNSAFE",
      `the link ${quoted(link)} of the archive would lead outside of ${folder}, through ${quoted(through)}`,
      { hint: `name an empty folder, or remove ${quoted(through)}; nothing was unpacked` },
    );
  }
}

/** The link through which a path leaves the folder or enters a cycle; undefined for a safe path. */
async function wayOut(tree: MergedTree, path: string): Promise<string | undefined> {
  const trail: string[] = [];
  const pending = path.split("/").reverse();
  let last = path;
  let hops = 0;
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (trail.pop() === undefined) return last;
      continue;
    }
    const here = [...trail, part].join("/");
    const target = await tree.linkAt(here);
    if (target === undefined) {
      trail.push(part);
      continue;
    }
    last = here;
    hops += 1;
    if (target.startsWith("/") || hops > maxHops) return last;
    pending.push(...target.split("/").reverse());
  }
  return undefined;
}
