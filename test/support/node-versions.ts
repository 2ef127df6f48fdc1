/** Executables of other versions of Node, as `scripts/test-nodes.mjs` installs them. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

interface Skippable {
  readonly skip: (note?: string) => never;
}

/** @param version As in `scripts/test-nodes.mjs`; a test whose version is not installed is skipped. */
export function requireNode(context: Skippable, version: string): string {
  const folder = resolve(import.meta.dirname, "../../.test-nodes", version, "node_modules");
  const path = join(folder, `node-${process.platform}-${process.arch}`, "bin", "node");
  return existsSync(path) ? path : context.skip(`Node ${version} is not installed (npm run pretest)`);
}
