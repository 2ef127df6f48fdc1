/** A copy that nobody else can write into, of bytes that somebody else can. */
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { HashedFile, type SizeBound, type WrittenFile } from "./hashed-write.ts";
import type { OpenedFile } from "./opened-file.ts";
import { withTemporaryFolder } from "./temporary-folder.ts";

/**
 * Copies `source` into a file that is read by the handle that wrote it: its name is gone before the first byte comes, where the system
 * removes names of open files.
 *
 * @param bound Of the copy.
 * @param work Gets the copy and what was written; compares its digest with the one that was wanted.
 */
export async function withPrivateCopy<T>(
  source: AsyncIterable<Uint8Array>,
  bound: SizeBound,
  context: Context,
  signal: AbortSignal,
  work: (copy: Pick<OpenedFile, "handle" | "size">, written: WrittenFile) => Promise<T>,
): Promise<T> {
  return await withTemporaryFolder("copy", context, async (folder) => {
    const path = join(folder, "copy");
    const file = new HashedFile(path, await open(path, "wx+", 0o600));
    try {
      await rm(path).catch(() => {});
      await file.append(source, bound, signal);
      return await work({ handle: file.handle, size: file.size }, file.written());
    } finally {
      await file.close();
    }
  });
}
