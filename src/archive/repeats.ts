/**
 * Files that an archive states twice. Build scripts append files to a tar that has them. Some programs keep the first
 * entry and others the last, so that only equal entries are one tree for all of them.
 */
import { createHash } from "node:crypto";
import type { ArchiveMember } from "./member.ts";
import { quoted, Refusal } from "./refusal.ts";

/** The compared parts of a file. */
interface Stated {
  readonly mode: number;
  /** SHA-256 of the content. */
  readonly hash: string;
}

async function read({ mode, content }: ArchiveMember): Promise<Stated> {
  const hash = createHash("sha256");
  for await (const chunk of content) hash.update(chunk);
  return { mode, hash: hash.digest("hex") };
}

function checkEqual(path: string, one: Stated, other: Stated): void {
  if (one.mode === other.mode && one.hash === other.hash) return;
  throw new Refusal("ARCHIVE_UNSAFE", `is in the archive twice: the two files ${quoted(path)} differ`);
}

export class Repeats {
  readonly #later = new Map<string, Stated>();

  /** True if the archive has to be read again, for `checkFirst`. */
  get hasAny(): boolean {
    return this.#later.size > 0;
  }

  /**
   * Reads a file whose path the archive had already.
   *
   * @param path Of the first file with these bytes; hard links have none.
   * @throws {Refusal} `ARCHIVE_UNSAFE`
   */
  async note(path: string, member: ArchiveMember): Promise<void> {
    const stated = await read(member);
    checkEqual(path, this.#later.get(path) ?? stated, stated);
    this.#later.set(path, stated);
  }

  /**
   * Compares an entry of the second reading with the later entries of its path, if it is the first one.
   *
   * @throws {Refusal} `ARCHIVE_UNSAFE`
   */
  async checkFirst(path: string, member: ArchiveMember): Promise<void> {
    const later = this.#later.get(path);
    if (later === undefined) return;
    this.#later.delete(path);
    checkEqual(path, await read(member), later);
  }
}
