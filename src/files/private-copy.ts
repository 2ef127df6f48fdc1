/** A copy that nobody else can write into, of bytes that somebody else can. */
import { join } from "node:path";
import type { Context } from "../context.ts";
import { type WrittenFile, writeHashed } from "./hashed-write.ts";
import { type OpenedFile, withOpened } from "./opened-file.ts";
import { withTemporaryFolder } from "./temporary-folder.ts";

/**
 * Copies `source` into a folder that nobody else can enter, and removes it at the end.
 *
 * @param work Gets the copy, open, and what was written; compares its digest with the one that was wanted.
 */
export async function withPrivateCopy<T>(
  source: AsyncIterable<Uint8Array>,
  context: Context,
  signal: AbortSignal,
  work: (copy: OpenedFile, written: WrittenFile) => Promise<T>,
): Promise<T> {
  return await withTemporaryFolder("copy", context, async (folder) => {
    const path = join(folder, "copy");
    const written = await writeHashed(path, source, undefined, signal);
    return await withOpened(path, (copy) => work(copy, written));
  });
}
