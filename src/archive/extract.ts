/**
 * Unpacks an archive into a folder: confined to it, bounded, and whole or not at all.
 *
 * The tree is checked in memory (`tree.ts`), written into a folder of its own beside the output, and moved at the end.
 */
import { chmod } from "node:fs/promises";
import { basename, dirname, relative, resolve, sep } from "node:path";
import type { Context } from "../context.ts";
import type { FileSource, OpenedFile } from "../files/opened-file.ts";
import { withStagingFolder } from "../files/temporary-folder.ts";
import { type ArchiveEntry, folderMode } from "./entry.ts";
import { checkForExisting, findReplaced } from "./existing.ts";
import { existingFolder, makeParent, mergeInto, placeWhole } from "./placing.ts";
import { writeEntries } from "./staging.ts";
import { readingArchive, type WalkOptions, walkArchive } from "./walk.ts";

export interface ExtractOptions extends WalkOptions {
  /** Told each file of the folder that was replaced by another one, by its path below the folder. */
  readonly onReplaced?: (path: string) => void;
  /** A folder that is there, and that the output is a part of. */
  readonly partOf?: string | undefined;
  /** With it, what killed processes left beside the output is removed. */
  readonly context?: Context;
}
export type ExtractedEntry = ArchiveEntry;

/**
 * @param outputDir Made if it does not exist. What it has is kept, but for files that the archive has too.
 * @returns What was unpacked, in the archive's order; folders that the archive only implies are left out.
 * @throws {ContentVerificationError} `ARCHIVE_INVALID`, `ARCHIVE_UNSAFE`, `ARCHIVE_TOO_LARGE`, `ARCHIVE_UNSUPPORTED`
 * @throws {ArtifactNotFoundError} `FILE_NOT_FOUND` without the file, or without anything below `stripPrefix`
 * @throws {LocalIoError}
 */
export async function extractArchive(
  archive: FileSource,
  outputDir: string,
  options: ExtractOptions,
): Promise<ExtractedEntry[]> {
  return await readingArchive(archive, (file) => extractOpened(file, outputDir, options));
}

async function extractOpened(file: OpenedFile, outputDir: string, options: ExtractOptions): Promise<ExtractedEntry[]> {
  const walk = await walkArchive(file, options);
  const output = resolve(outputDir);
  const existing = await existingFolder(output);
  const removeParent = existing === undefined ? await makeParent(output) : async () => {};
  try {
    const parent = existing ?? dirname(output);
    return await withStagingFolder(parent, `.${basename(output)}.unpacking`, options.context, async (staging) => {
      const staged = staging.path;
      const entries = await writeEntries(walk, staged, options.signal);
      const folder = existing ?? output;
      const root = options.partOf === undefined ? folder : resolve(options.partOf);
      const check = () => checkForExisting(file.path, entries, root, relative(root, folder).split(sep).join("/"));
      if (existing === undefined) {
        if (options.partOf !== undefined) await check();
        await chmod(staged, folderMode);
        if (await placeWhole(staging, output)) return entries;
      }
      // Somebody may have made the folder meanwhile.
      await check();
      const replaced = await findReplaced(staged, folder, entries);
      await mergeInto(staged, folder, entries);
      for (const path of replaced) options.onReplaced?.(path);
      return entries;
    });
  } catch (error) {
    await removeParent();
    throw error;
  }
}
