/** Random folder trees, as values and on disk. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { foldName } from "../../src/archive/entry-path.ts";

export interface Tree {
  readonly [name: string]:
    | string
    | { readonly link: string }
    | { readonly text: string; readonly isProgram: boolean }
    | Tree;
}

const fileName = fc
  .string({ unit: fc.constantFrom(..."abcXYZ-_.é日 ".split("")), minLength: 1, maxLength: 12 })
  .filter((text) => !/[. ]$/.test(text));
const leaf = fc.oneof(
  fc.record({ text: fc.string({ maxLength: 3000 }), isProgram: fc.boolean() }),
  fc.record({ link: fileName }),
);
/** Trees that every system can hold, of up to a few levels. */
export const tree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree; node: Tree[string] }>((tie) => ({
  node: fc.oneof({ maxDepth: 4, withCrossShrink: true }, leaf, tie("tree")),
  tree: fc
    .uniqueArray(fc.tuple(fileName, tie("node")), { maxLength: 6, selector: ([key]) => foldName(key) })
    .map((entries) => Object.fromEntries(entries)),
})).tree;

export function makeTree(folder: string, content: Tree): void {
  for (const [key, node] of Object.entries(content)) {
    const path = join(folder, key);
    if (typeof node === "string") continue;
    if ("link" in node && typeof node.link === "string") symlinkSync(node.link === key ? "." : node.link, path);
    else if ("isProgram" in node && typeof node.text === "string") {
      // Bytes that begin like an executable's make a program of any file.
      const text = /^(?:#!|MZ)/.test(node.text) ? `x${node.text}` : node.text;
      writeFileSync(path, text);
      chmodSync(path, node.isProgram === true ? 0o755 : 0o644);
    } else {
      mkdirSync(path);
      makeTree(path, node as Tree);
    }
  }
}
