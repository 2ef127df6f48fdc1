/** Archives on disk, and what was unpacked as a value that tests can compare. */
import { lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../support/folders.ts";

/** Writes an archive into a folder of its own and returns its path. */
export function temporaryFile(bytes: Uint8Array, name = "archive"): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, bytes);
  return path;
}

/** Path below `folder` → `drwxr-xr-x`-like mode and what is in it: `d755`, `f644 text`, `l target`. */
export function treeOf(folder: string): Record<string, string> {
  const tree: Record<string, string> = {};
  const visit = (below: string): void => {
    for (const name of readdirSync(join(folder, below)).sort()) {
      const path = below === "" ? name : `${below}/${name}`;
      const absolute = join(folder, path);
      const found = lstatSync(absolute);
      const mode = (found.mode & 0o7777).toString(8);
      if (found.isSymbolicLink()) {
        tree[path] = `l ${readlinkSync(absolute)}`;
      } else if (found.isDirectory()) {
        tree[path] = `d${mode}`;
        visit(path);
      } else {
        tree[path] = `f${mode} ${readFileSync(absolute, "latin1")}`;
      }
    }
  };
  visit("");
  return tree;
}

export const neverAborted = new AbortController().signal;

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

export async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let offset = 0; offset < bytes.length; offset += pieceBytes) yield bytes.subarray(offset, offset + pieceBytes);
}
