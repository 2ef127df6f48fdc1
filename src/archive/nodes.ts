/** The tree that a list of paths has. */

/** A file or folder, stated or implied. */
export interface PathNode {
  /** Empty for the topmost folder. */
  readonly folder: string;
  readonly name: string;
  readonly path: string;
}

/**
 * Each node once, folders before their content. Time and memory are bounded by the nodes: an archive can have 200,000
 * files below the same hundred folders.
 *
 * @param paths Relative, separated by `/`.
 */
export function* nodesOf(paths: Iterable<string>): Generator<PathNode, void, undefined> {
  const seen = new Set<string>([""]);
  for (const one of paths) {
    const chain: PathNode[] = [];
    for (let path = one; !seen.has(path); ) {
      seen.add(path);
      const end = path.lastIndexOf("/");
      const folder = path.slice(0, Math.max(0, end));
      chain.push({ folder, name: path.slice(end + 1), path });
      path = folder;
    }
    yield* chain.reverse();
  }
}
