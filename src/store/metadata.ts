/**
 * Notes: the meaning of a reference at its last pull. An offline pull of a tag starts from the noted manifest.
 *
 * Every writer of the folder can forge a note, so notes count only in a folder that only the user can write. A
 * manifest's content is never taken from a note.
 */
import { join } from "node:path";
import * as v from "valibot";
import { localIoError } from "../errors.ts";
import type { HeldFolder } from "../files/held-folder.ts";
import { type OpenedFile, openFile } from "../files/opened-file.ts";
import { digestSchema } from "../model/digest-schema.ts";
import { isPlatformString, type PlatformString, platformStrings } from "../model/platform.ts";
import { metadataName, stagedNames, uniqueName } from "./paths.ts";

const metadataSchema = v.object({
  artifact_ref: v.string(),
  /** Digest of the file. */
  digest: digestSchema,
  manifest_digest: digestSchema,
  /** Bytes of the file. */
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  /** ISO 8601, UTC. */
  cached_at: v.string(),
  original_name: v.string(),
  /** Null for an artifact without platforms. */
  platform: v.nullable(v.custom<PlatformString>((value) => typeof value === "string" && isPlatformString(value))),
});
export type Metadata = v.InferOutput<typeof metadataSchema>;

/** Real notes have a few hundred bytes. */
const maxBytes = 64 * 1024;

/** @returns undefined for a missing or unreadable note, which the next pull replaces. */
export async function readMetadata(open: () => Promise<OpenedFile>): Promise<Metadata | undefined> {
  const file = await open().catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    if (file.size > maxBytes) return undefined;
    const result = v.safeParse(metadataSchema, JSON.parse(await file.handle.readFile("utf8")));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  } finally {
    await file.handle.close();
  }
}

export async function readMetadataFile(path: string): Promise<Metadata | undefined> {
  return await readMetadata(() => openFile(path, "refuse"));
}

/** True if the store would write the note under this name. */
export function isMetadataNamed({ artifact_ref: reference }: Metadata, name: string): boolean {
  return platformStrings.some((platform) => metadataName(reference, platform) === name);
}

/** @param tmp Folder for the staged file. */
export async function writeMetadataFile(
  tmp: HeldFolder,
  folder: HeldFolder,
  name: string,
  metadata: Metadata,
): Promise<void> {
  const staged = stagedNames.metadata(uniqueName());
  try {
    await tmp.writeNew(staged, `${JSON.stringify(metadata, null, 2)}\n`, 0o644);
    await tmp.move(staged, folder, name);
  } catch (cause) {
    await tmp.unlink(staged).catch(() => {});
    throw localIoError(`write ${join(folder.path, name)}`, cause);
  }
}
