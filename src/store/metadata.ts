/**
 * Notes on what a reference meant when it was pulled last: of a tag, they name the manifest that an offline pull goes on from.
 *
 * Whoever can write into the folder can write a note, so notes count only where the folder is the user's alone. What a manifest holds is
 * never taken from a note.
 */
import { join } from "node:path";
import * as v from "valibot";
import { localIoError } from "../errors.ts";
import type { HeldFolder } from "../files/held-folder.ts";
import { type OpenedFile, openFile } from "../files/opened-file.ts";
import { digestSchema } from "../model/digest.ts";
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
  /** Null when the artifact is the same for every platform. */
  platform: v.nullable(v.custom<PlatformString>((value) => typeof value === "string" && isPlatformString(value))),
});
export type Metadata = v.InferOutput<typeof metadataSchema>;

/** A note is some hundred bytes; what is longer is none of the store's. */
const maxBytes = 64 * 1024;

/** @returns undefined where there is none, or none that can be read: it will be written anew. */
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

/** True when the store would give the metadata this name. */
export function isMetadataNamed({ artifact_ref: reference }: Metadata, name: string): boolean {
  return platformStrings.some((platform) => metadataName(reference, platform) === name);
}

/** @param tmp Where it is staged. */
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
