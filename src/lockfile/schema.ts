/**
 * `oras.lock.json`, version 1: what each tool is, per platform, down to the digests of its layers.
 *
 * Starlark loads the same file (`rules/lock.bzl`), so a field added here is read there.
 */
import * as v from "valibot";
import { parseEntryPath } from "../archive/entry-path.ts";
import { archiveFormats, fileFormats } from "../archive/format.ts";
import { defaultLimits } from "../archive/limits.ts";
import { digestSchema } from "../model/digest.ts";
import { reservedKeys } from "../model/object-key.ts";
import { isPlatformString, type PlatformString } from "../model/platform.ts";

export const lockVersion = 1;

/** Key of an artifact without platforms: the same bytes for all. */
export const anyPlatform = "any";
export type LockPlatform = PlatformString | typeof anyPlatform;

/** Formats that `extract` tells apart. */
export const layerFormats = [...fileFormats, ...archiveFormats] as const;

/** True for a path that an archive's entry can have, and that is not the folder itself: the one rule of who writes a lock and who reads it. */
export function isLockedPath(text: string): boolean {
  try {
    return parseEntryPath(text, defaultLimits).length > 0;
  } catch {
    return false;
  }
}

const path = v.check<string, string>(
  isLockedPath,
  "must be a relative path that leads nowhere else, of names that every system takes",
);

const layerSchema = v.strictObject({
  digest: digestSchema,
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.description("Bytes of the blob.")),
  mediaType: v.string(),
  title: v.pipe(v.string(), v.minLength(1), path, v.description("Name of the file, or of the folder that was pushed.")),
  format: v.picklist(layerFormats),
  contentDigest: v.pipe(
    digestSchema,
    v.description("Of the file: after decompression for `gzip` and `zstd`, of the blob itself for the rest."),
  ),
  executable: v.optional(
    v.union(
      [
        v.pipe(
          v.string(),
          path,
          v.description("Path of the executable in what the layer unpacks to; of a single file its own name."),
        ),
        v.pipe(v.literal(false), v.description("Of a single file: its bytes are none that can be run.")),
      ],
      "must be a relative path that leads nowhere else, or false",
    ),
  ),
  include: v.optional(
    v.pipe(v.string(), path, v.description("Path of the include folder in what the layer unpacks to.")),
  ),
  unpackInto: v.optional(
    v.pipe(
      v.string(),
      path,
      v.description("Folder that the archive holds, as `oras push` packs one: it is unpacked by whoever pulls it."),
    ),
  ),
});

const platformSchema = v.strictObject({
  manifest: v.pipe(digestSchema, v.description("Of this platform's own manifest.")),
  repository: v.pipe(
    v.string(),
    v.minLength(1),
    v.description("`HOST/REPOSITORY`, or `oci:DIR` from the lock's folder."),
  ),
  layers: v.pipe(v.array(layerSchema), v.minLength(1)),
});

const toolName = v.pipe(
  v.string(),
  v.regex(
    new RegExp(`^(?!(?:${reservedKeys.join("|")})$)[A-Za-z0-9_][A-Za-z0-9_.+-]*$`),
    "is not a name that a Buck2 target and a lock can have",
  ),
);
/** True for a name that both the lock and a Buck2 target take: the one rule of who writes a lock and who reads it. */
export function isToolName(text: string): boolean {
  return v.is(toolName, text);
}

const platformKey = v.custom<LockPlatform>(
  (value) => typeof value === "string" && (value === anyPlatform || isPlatformString(value)),
  "is neither a platform string nor `any`",
);

const toolSchema = v.strictObject({
  reference: v.pipe(
    v.string(),
    v.minLength(1),
    v.description("As it was asked for; a tag or a template is looked up by `lock update` alone."),
  ),
  digest: v.optional(v.pipe(digestSchema, v.description("Of the index or the only manifest; absent for a template."))),
  platforms: v.record(platformKey, platformSchema),
});

export const lockSchema = v.strictObject({
  version: v.literal(lockVersion),
  tools: v.record(toolName, toolSchema),
});

export type Lock = v.InferOutput<typeof lockSchema>;
export type LockedTool = v.InferOutput<typeof toolSchema>;
export type LockedPlatform = v.InferOutput<typeof platformSchema>;
export type LockedLayer = v.InferOutput<typeof layerSchema>;

/** Not by `lock.tools[name]`: `toString` is there in every object. */
export function toolOf(lock: Lock, name: string): LockedTool | undefined {
  return Object.hasOwn(lock.tools, name) ? lock.tools[name] : undefined;
}
