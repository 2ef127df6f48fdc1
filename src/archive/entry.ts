/** Entries of an archive, as they would be or were unpacked. */

import type { Chunks } from "./chunks.ts";
import { executableHeadBytes, isExecutable } from "./executable.ts";

export interface ArchiveEntry {
  /** Relative, with `/`, and safe to join to a folder. */
  readonly path: string;
  /** A hard link is a file. */
  readonly kind: "file" | "directory" | "symlink";
  /** 0o755 for folders and executables, 0o644 for other files, 0o777 for links: what is unpacked has no other modes. */
  readonly mode: number;
  /** Bytes of a file, else 0. */
  readonly size: number;
}

export const folderMode = 0o755;
export const linkMode = 0o777;

/** @param isStated The archive says that the file is executable. */
export function fileMode(isStated: boolean, head: Uint8Array): number {
  return isStated || isExecutable(head) ? 0o755 : 0o644;
}

/** Content whose first bytes were looked at and are given again. */
export interface PeekedContent {
  /** The first bytes, or all if there are fewer. */
  readonly head: Uint8Array;
  readonly chunks: Chunks;
}

/** Reads as much as it takes to tell an executable. */
export async function peek(content: AsyncIterable<Uint8Array>): Promise<PeekedContent> {
  const iterator = content[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < executableHeadBytes) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  async function* chunks(): Chunks {
    try {
      if (head.length > 0) yield head;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { head, chunks: chunks() };
}
