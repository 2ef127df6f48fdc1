/**
 * Unpacking of an archive into a folder: confined, bounded, and all or nothing.
 *
 * The tree is checked in memory (`tree.ts`), staged in a new folder beside the output, and moved at the end.
 */
import { chmod } from "node:fs/promises";
import { basename, dirname, relative, resolve, sep } from "node:path";
import { type Context, noProgress, whileAwaiting } from "../context.ts";
import type { FileSource, OpenedFile } from "../files/opened-file.ts";
import { withStagingFolder } from "../files/temporary-folder.ts";
import { type ArchiveEntry, folderMode } from "./entry.ts";
import { checkForExisting, findReplaced } from "./existing.ts";
import { sniffFile } from "./format.ts";
import { checkTwins } from "./local-names.ts";
import { checkMergedLinks } from "./merged-links.ts";
import { existingFolder, makeParent, mergeInto, placeWhole } from "./placing.ts";
import { writeEntries } from "./staging.ts";
import { unchangedEntries } from "./unchanged.ts";
import { readingArchive, type WalkOptions, walkArchive } from "./walk.ts";

export interface ExtractOptions extends WalkOptions {
  /** Receives the relative path of each file that was replaced by different content. */
  readonly onReplaced?: (path: string) => void;
  /** An existing folder that contains the output. */
  readonly partOf?: string | undefined;
  /** Undefined: staging folders of killed processes are not removed. */
  readonly context?: Context;
}
export type ExtractedEntry = ArchiveEntry;

/**
 * @param outputDir Created if missing. Existing files are kept, unless the archive has a file of the same path.
 * @returns The unpacked entries, in the archive's order, without implied folders.
 * @throws {ContentVerificationError} `ARCHIVE_INVALID`, `ARCHIVE_UNSAFE`, `ARCHIVE_TOO_LARGE`, `ARCHIVE_UNSUPPORTED`
 * @throws {ArtifactNotFoundError} `FILE_NOT_FOUND` for a missing archive, or no entry below `stripPrefix`
 * @throws {LocalIoError}
 */
export async function extractArchive(
  archive: FileSource,
  outputDir: string,
  options: ExtractOptions,
): Promise<ExtractedEntry[]> {
  const { progress } = options.context ?? { progress: noProgress };
  const work = () => readingArchive(archive, (file) => extractOpened(file, outputDir, options));
  return await whileAwaiting(progress, `unpacking into ${outputDir}`, work);
}

async function extractOpened(file: OpenedFile, outputDir: string, given: ExtractOptions): Promise<ExtractedEntry[]> {
  const options = { ...given, format: given.format ?? (await sniffFile(file)) };
  const output = resolve(outputDir);
  const existing = await existingFolder(output);
  const folder = existing ?? output;
  /** Checks before a merge into an existing folder. */
  const check = async (entries: readonly ExtractedEntry[]): Promise<void> => {
    const root = options.partOf === undefined ? folder : resolve(options.partOf);
    await checkForExisting(file.path, entries, root, relative(root, folder).split(sep).join("/"));
  };
  if (existing !== undefined) {
    const walk = await walkArchive(file, options);
    const found = await unchangedEntries(walk, existing, options.context?.userId, options.signal);
    if (found !== undefined) {
      await check(found);
      await checkTwins(file.path, existing, found);
      const links = found.filter(({ kind }) => kind === "symlink").map(({ path }) => path);
      await checkMergedLinks(existing, existing, links);
      return found;
    }
  }
  const walk = await walkArchive(file, options);
  const removeParent = existing === undefined ? await makeParent(output) : async () => {};
  try {
    const parent = existing ?? dirname(output);
    return await withStagingFolder(parent, `.${basename(output)}.unpacking`, options.context, async (staging) => {
      const staged = staging.path;
      const entries = await writeEntries(walk, staged, options.signal);
      if (existing === undefined) {
        if (options.partOf !== undefined) await check(entries);
        await chmod(staged, folderMode);
        if (await placeWhole(staging, output)) return entries;
      }
      // A concurrent process may have created the folder.
      await check(entries);
      await checkTwins(file.path, folder, entries);
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
