import type { Chunks } from "./chunks.ts";

/** One entry as an archive states it: every field is the attacker's, none is checked. */
export interface ArchiveMember {
  readonly name: string;
  readonly kind: "file" | "directory" | "symlink" | "hardlink";
  /** Unix permission bits; 0 where the archive has none. */
  readonly mode: number;
  /** Target of a link: relative to its folder if symbolic, to the archive's root if hard. */
  readonly target: string;
  /** Bytes that `content` should give; it throws if there are fewer or more. */
  readonly size: number;
  /** May be left unread, but only one member at a time can be read. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** Content of what has none. */
export async function* noContent(): Chunks {}
