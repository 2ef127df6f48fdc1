/**
 * Schema of `oras.lock.json`, version 1: each tool per platform, down to the digests of its layers.
 *
 * Starlark reads the same file: keep `rules/lock.bzl` in step.
 */
import * as v from "valibot";
import { parseEntryPath } from "../archive/entry-path.ts";
import { archiveFormats, fileFormats } from "../archive/format.ts";
import { defaultLimits } from "../archive/limits.ts";
import { digestSchema } from "../model/digest-schema.ts";
import { maxDescriptors, maxMediaTypeLength } from "../model/manifest.ts";
import { reservedKeys } from "../model/object-key.ts";
import { isPlatformString, type PlatformString } from "../model/platform.ts";
import { demandedLevels } from "../model/source-level.ts";
import { isStatedSource, isStatedText } from "./stated-text.ts";

export const lockVersion = 1;

/** Key of an artifact without platforms: the same bytes for every platform. */
export const anyPlatform = "any";
export type LockPlatform = PlatformString | typeof anyPlatform;

/** Formats that `extract` distinguishes. */
export const layerFormats = [...fileFormats, ...archiveFormats] as const;

/**
 * True for a valid path of an archive entry, except the folder itself. Writers and readers of locks share this rule.
 */
export function isLockedPath(text: string): boolean {
  try {
    return parseEntryPath(text, defaultLimits).length > 0;
  } catch {
    return false;
  }
}

const path = v.check<string, string>(
  isLockedPath,
  "must be a relative path without `..`, of names that are valid on every system",
);

/** Host, repository, tag and digest together stay below 1000 characters; the path of a layout may be longer. */
const maxReferenceLength = 8192;
const longReference = `must not be longer than ${maxReferenceLength} characters`;

const layerSchema = v.strictObject({
  digest: digestSchema,
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.description("Bytes of the blob.")),
  mediaType: v.pipe(v.string(), v.maxLength(maxMediaTypeLength)),
  title: v.pipe(v.string(), v.minLength(1), path, v.description("Name of the file, or of the pushed folder.")),
  format: v.picklist(layerFormats),
  contentDigest: v.pipe(
    digestSchema,
    v.description("Digest of the file: after decompression for `gzip` and `zstd`, else of the blob itself."),
  ),
  executable: v.optional(
    v.union(
      [
        v.pipe(
          v.string(),
          path,
          v.description("Path of the executable in the unpacked layer; for a single file, the file's name."),
        ),
        v.pipe(v.literal(false), v.description("The layer is a single file that is not executable.")),
      ],
      "must be a relative path without `..`, or false",
    ),
  ),
  include: v.optional(v.pipe(v.string(), path, v.description("Path of the include folder in the unpacked layer."))),
  unpackInto: v.optional(
    v.pipe(
      v.string(),
      path,
      v.description("Folder in the archive, as packed by `oras push`; the puller unpacks the archive."),
    ),
  ),
});

/** Answers of a registry to programs without a login, such as Buck2 itself. */
export const accessKinds = ["https", "http", "token"] as const;
export type Access = (typeof accessKinds)[number];

const platformSchema = v.strictObject({
  access: v.optional(
    v.pipe(
      v.picklist(accessKinds),
      v.description(
        "What a plain GET without a login gave when the tool was locked. `https`, `http`: the blob, over this scheme; `token`: the registry asked for a token or a login. Absent: not known.",
      ),
    ),
  ),
  manifest: v.pipe(digestSchema, v.description("Digest of the platform's manifest.")),
  repository: v.pipe(
    v.string(),
    v.maxLength(maxReferenceLength, longReference),
    v.minLength(1),
    v.description("`HOST/REPOSITORY`, or `oci:DIR` relative to the lock file's folder."),
  ),
  layers: v.pipe(
    v.array(layerSchema),
    v.minLength(1),
    v.maxLength(maxDescriptors, `must have ${maxDescriptors} layers at most`),
  ),
  executable: v.optional(
    v.pipe(
      v.string(),
      path,
      v.description("Path of the executable among several layers, where the layers alone do not decide."),
    ),
  ),
});

/** Names are folders and targets; file systems take 255 bytes. */
const maxNameLength = 255;

const toolName = v.pipe(
  v.string(),
  v.maxLength(maxNameLength, `must not be longer than ${maxNameLength} characters`),
  v.regex(
    new RegExp(`^(?!(?:${reservedKeys.join("|")})$)[A-Za-z0-9_][A-Za-z0-9_.+-]*$`),
    "is not a valid name of a Buck2 target and a locked tool",
  ),
);
/** True for a name that is valid in a lock and as a Buck2 target. Writers and readers of locks share this rule. */
export function isToolName(text: string): boolean {
  return v.is(toolName, text);
}

const platformKey = v.custom<LockPlatform>(
  (value) => typeof value === "string" && (value === anyPlatform || isPlatformString(value)),
  "is neither a platform string nor `any`",
);

const platformName = v.custom<PlatformString>(
  (value) => typeof value === "string" && isPlatformString(value),
  "is not a platform string",
);

/** Repeated platforms of a command line stay; there are six. */
const maxOptions = 64;

const optionsSchema = v.strictObject({
  executable: v.optional(
    v.pipe(v.string(), path, v.description("Path of the executable in the artifact, or the end of this path.")),
  ),
  format: v.optional(
    v.pipe(v.picklist(layerFormats), v.description("Format of the layers; `raw` keeps an archive as one file.")),
  ),
  platforms: v.optional(
    v.pipe(
      v.array(platformName),
      v.minLength(1),
      v.maxLength(maxOptions, `must have ${maxOptions} platforms at most`),
      v.description("Platforms to lock; absent for all platforms."),
    ),
  ),
});

/** Subjects and issuers of certificates are plain text without spaces. */
const signerText = v.pipe(v.string(), v.maxLength(2048), v.regex(/^[\x21-\x7e]+$/, "must be plain text"));
const signedDigest = v.pipe(digestSchema, v.description("Signed digest: of the index, or of a platform's manifest."));
const signedAt = v.optional(
  v.pipe(
    v.string(),
    v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, "must be a time such as 2026-03-01T12:00:00.000Z"),
    v.description("Time that a log or a timestamp authority vouches for; absent without one."),
  ),
);

/** Signatures of one tool: there are seven digests, and 500 signatures of each are read at most (`signature/find.ts`). */
const maxSignatures = 4096;

const signatureSchema = v.union([
  v.strictObject({
    digest: signedDigest,
    key: v.pipe(digestSchema, v.description("Fingerprint of the signer's key.")),
    time: signedAt,
  }),
  v.strictObject({
    digest: signedDigest,
    identity: v.pipe(signerText, v.description("Subject of the signer's certificate.")),
    issuer: v.pipe(signerText, v.description("Issuer that vouches for the identity.")),
    time: signedAt,
  }),
]);

/** True for a time as the lock has it: in UTC, in whole seconds, and a day of the calendar. */
function isLockedTime(text: string): boolean {
  const ms = /^[0-9]{4}(?:-[0-9]{2}){2}T[0-9]{2}(?::[0-9]{2}){2}Z$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(ms) && lockedTime(new Date(ms)) === text;
}

export function lockedTime(time: Date): string {
  return time.toISOString().replace(/\.[0-9]+Z$/, "Z");
}

const publishedSchema = v.strictObject({
  time: v.pipe(v.string(), v.check(isLockedTime, "must be a time such as 2026-01-31T12:00:00Z")),
  by: v.pipe(
    v.picklist(["signature", "registry"]),
    v.description(
      "Who vouches for the time: a witness of a signature (`signature`), or the registry, which got the manifest then.",
    ),
  ),
});

const statedText = v.pipe(v.string(), v.check(isStatedText, "must be a short line of ASCII characters"));

const statedSchema = v.strictObject({
  version: v.optional(v.pipe(statedText, v.description("`org.opencontainers.image.version`."))),
  source: v.optional(
    v.pipe(
      v.string(),
      v.check(isStatedSource, "must be a short address without blanks and quotes"),
      v.description("`org.opencontainers.image.source`; a change must be accepted by `--accept-source`."),
    ),
  ),
  licenses: v.optional(v.pipe(statedText, v.description("`org.opencontainers.image.licenses`."))),
  sourceCheck: v.optional(
    v.pipe(
      v.picklist(demandedLevels),
      v.description(
        "How much the source vouched for an imported file, at least (`dev.buck2-oras.source-check`); less must be accepted by `--accept-source`.",
      ),
    ),
  ),
});

const toolSchema = v.strictObject({
  reference: v.pipe(
    v.string(),
    v.maxLength(maxReferenceLength, longReference),
    v.minLength(1),
    v.description("Reference as given to `lock add`; only `lock update` resolves a tag or template again."),
  ),
  digest: v.optional(
    v.pipe(digestSchema, v.description("Digest of the index or single manifest; absent for a template.")),
  ),
  options: v.optional(
    v.pipe(optionsSchema, v.description("Options of `lock add`, which `lock update` repeats; absent without options.")),
  ),
  published: v.optional(
    v.pipe(
      publishedSchema,
      v.description(
        "The time from which the version's age counts, as found when the version was locked. Absent: no age was demanded then.",
      ),
    ),
  ),
  platforms: v.record(platformKey, platformSchema),
  signatures: v.optional(
    v.pipe(
      v.array(signatureSchema),
      v.minLength(1),
      v.maxLength(maxSignatures, `must have ${maxSignatures} signatures at most`),
      v.description("Signatures that a policy demanded, and that were verified when the tool was locked."),
    ),
  ),
  stated: v.optional(
    v.pipe(
      statedSchema,
      v.description("Annotations of the publisher, as they were when the tool was locked. Nobody vouches for them."),
    ),
  ),
});

/** Some 2000 tools fill a lock of the size that is read; tools without platforms and signatures are smaller. */
const maxTools = 10_000;

export const lockSchema = v.strictObject({
  version: v.literal(lockVersion),
  tools: v.pipe(v.record(toolName, toolSchema), v.maxEntries(maxTools, `must have ${maxTools} tools at most`)),
});

export type Lock = v.InferOutput<typeof lockSchema>;
export type LockedTool = v.InferOutput<typeof toolSchema>;
export type LockedPlatform = v.InferOutput<typeof platformSchema>;
export type Published = v.InferOutput<typeof publishedSchema>;
export type Stated = v.InferOutput<typeof statedSchema>;
export type LockOptions = v.InferOutput<typeof optionsSchema>;
export type LockedSignature = v.InferOutput<typeof signatureSchema>;
export type LockedLayer = v.InferOutput<typeof layerSchema>;

/** Looks up own keys only: every object inherits names such as `toString`. */
export function toolOf(lock: Lock, name: string): LockedTool | undefined {
  return Object.hasOwn(lock.tools, name) ? lock.tools[name] : undefined;
}
