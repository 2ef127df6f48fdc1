/**
 * What a reference meant when it was pulled last, so that a pinned or offline pull asks nobody. Trusted as far as the cache
 * folder is; the bytes that it names are verified all the same.
 */
import { randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { localIoError } from "../errors.ts";
import { type Digest, isDigest } from "../model/digest.ts";
import { isPlatformString, type PlatformString } from "../model/platform.ts";
import type { StorePaths } from "./paths.ts";

const digest = v.custom<Digest>((value) => typeof value === "string" && isDigest(value));
const metadataSchema = v.object({
  artifact_ref: v.string(),
  /** Of the file. */
  digest,
  manifest_digest: digest,
  /** Bytes of the file. */
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  /** ISO 8601, UTC. */
  cached_at: v.string(),
  original_name: v.string(),
  /** Null when the artifact is the same for every platform. */
  platform: v.nullable(v.custom<PlatformString>((value) => typeof value === "string" && isPlatformString(value))),
});
export type Metadata = v.InferOutput<typeof metadataSchema>;

/** @returns undefined where there is none, or none that can be read: it will be written anew. */
export async function readMetadataFile(file: string): Promise<Metadata | undefined> {
  try {
    const result = v.safeParse(metadataSchema, JSON.parse(await readFile(file, "utf8")));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}

export async function writeMetadataFile(paths: StorePaths, file: string, metadata: Metadata): Promise<void> {
  const staged = join(paths.tmp, `metadata-${randomBytes(8).toString("hex")}`);
  try {
    await writeFile(staged, `${JSON.stringify(metadata, null, 2)}\n`);
    await rename(staged, file);
  } catch (cause) {
    await rm(staged, { force: true }).catch(() => {});
    throw localIoError(`write ${file}`, cause);
  }
}
