/** A copy that nobody else can write into, of bytes that somebody else can. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localIoError } from "../errors.ts";
import { type WrittenFile, writeHashed } from "./hashed-write.ts";
import { type OpenedFile, withOpened } from "./opened-file.ts";

/**
 * Copies `source` into a folder of this user's alone, below the system's folder for temporary files, and removes it at the end.
 *
 * @param work Gets the copy, open, and what was written; compares its digest with the one that was wanted.
 */
export async function withPrivateCopy<T>(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  work: (copy: OpenedFile, written: WrittenFile) => Promise<T>,
): Promise<T> {
  // Mode 0700, as mkdtemp(3) makes it.
  const folder = await mkdtemp(join(tmpdir(), "buck2-oras-copy-")).catch((cause: unknown) => {
    throw localIoError(`write into ${tmpdir()}`, cause);
  });
  try {
    const path = join(folder, "copy");
    const written = await writeHashed(path, source, undefined, signal);
    return await withOpened(path, (copy) => work(copy, written));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
