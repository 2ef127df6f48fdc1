/** Entries of an archive in their unpacked form. */

import type { Chunks } from "./chunks.ts";
import { executableHeadBytes, isExecutable } from "./executable.ts";

export interface ArchiveEntry {
  /** Relative, separated by `/`, and safe to join to a folder. */
  readonly path: string;
  /** A hard link counts as a file. */
  readonly kind: "file" | "directory" | "symlink";
  /** 0o755 for folders and executables, 0o644 for other files, 0o777 for links; no other modes occur. */
  readonly mode: number;
  /** Bytes of a file, else 0. */
  readonly size: number;
}

export const folderMode = 0o755;
export const linkMode = 0o777;

/** @param isStated True if the archive marks the file as executable. */
export function fileMode(isStated: boolean, head: Uint8Array): number {
  return isStated || isExecutable(head) ? 0o755 : 0o644;
}

/** Content with its first bytes read ahead; `chunks` yields all bytes. */
export interface PeekedContent {
  /** At least `executableHeadBytes`, or all bytes of shorter content. */
  readonly head: Uint8Array;
  readonly chunks: Chunks;
}

/** Reads enough bytes to recognize an executable. */
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
