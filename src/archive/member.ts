/** Members of an archive before validation. */
import type { Chunks } from "./chunks.ts";

/** One entry as stated by an archive. An attacker controls every field; none is checked. */
export interface ArchiveMember {
  readonly name: string;
  readonly kind: "file" | "directory" | "symlink" | "hardlink";
  /** Unix permission bits; 0 if not stated. */
  readonly mode: number;
  /** Target of a link: for a symbolic link relative to its folder, for a hard link relative to the archive's root. */
  readonly target: string;
  /** Bytes of `content`, which throws on another length. */
  readonly size: number;
  /** May stay unread. Only one member can be read at a time. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** Content of folders and links. */
export async function* noContent(): Chunks {}
