/**
 * Schemas of the `--json` output, one per command. `docs/schemas/` is generated from the schemas, and tests check real
 * output.
 */
import * as v from "valibot";

const digest = v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/));
const size = v.pipe(v.number(), v.integer(), v.minValue(0), v.description("Bytes."));
const platform = v.nullable(
  v.pipe(v.string(), v.description("Platform string; null if the artifact is the same for every platform.")),
);

const contentSize = v.pipe(v.number(), v.integer(), v.minValue(0), v.description("Bytes before compression."));

export const pullSchema = v.object({
  reference: v.pipe(v.string(), v.description("Resolved reference: with registry, template filled in.")),
  path: v.pipe(v.string(), v.description("Path of the verified file in the cache, or of the output folder.")),
  digest: v.pipe(digest, v.description("Digest of the file at `path`; of the manifest if `path` is a folder.")),
  manifestDigest: v.nullable(digest),
  platform,
  size,
  origin: v.picklist(["cache", "mirror", "registry", "layout"]),
  placed: v.pipe(v.array(v.string()), v.description("Paths of the files in the output folder.")),
});
export const blobSchema = v.object({
  path: v.string(),
  digest,
  size,
  origin: v.picklist(["cache", "mirror", "registry", "layout"]),
});
export const extractSchema = v.object({
  archive: v.string(),
  output: v.string(),
  files: v.pipe(v.number(), v.integer(), v.description("Number of written files.")),
});
export const listSchema = v.object({
  repository: v.string(),
  tags: v.array(v.string()),
  missing: v.pipe(
    v.nullable(v.string()),
    v.description("Why the list is incomplete, with `--partial`; null for all tags."),
  ),
});
export const infoSchema = v.object({
  reference: v.string(),
  digest,
  mediaType: v.string(),
  artifactType: v.nullable(v.string()),
  annotations: v.record(v.string(), v.string()),
  platforms: v.array(
    v.object({
      platform,
      digest,
      layers: v.array(v.object({ title: v.nullable(v.string()), mediaType: v.string(), digest, size })),
    }),
  ),
  otherPlatforms: v.pipe(
    v.array(v.object({ platform: v.string(), digest })),
    v.description(
      "Platforms that cannot be pulled: outside the platform table, such as `linux/s390x`, or for newer processors.",
    ),
  ),
});
export const verifySchema = v.object({ path: v.string(), digest, verified: v.literal(true) });
export const platformSchema = v.object({
  platform: v.string(),
  os: v.pipe(v.string(), v.description("OCI name of the operating system.")),
  architecture: v.pipe(v.string(), v.description("OCI name of the architecture.")),
});
const fileCount = v.object({ files: v.pipe(v.number(), v.integer()), bytes: size });
export const cacheSchema = v.object({
  path: v.string(),
  blobs: v.pipe(fileCount, v.description("Stored files.")),
  notes: v.pipe(fileCount, v.description("Notes on the meaning of tags.")),
  partial: v.pipe(fileCount, v.description("Beginnings of files that transfers left, or still write.")),
  oldestUse: v.pipe(v.nullable(v.string()), v.description("Last use of the least recently used file, in UTC.")),
});
export const clearCacheSchema = v.object({
  filesRemoved: v.pipe(v.number(), v.integer(), v.description("Number of removed files, metadata included.")),
  filesInUse: v.pipe(v.number(), v.integer(), v.description("Number of kept files of transfers that may still run.")),
  bytesFreed: size,
});
const lockChange = v.object({
  tool: v.string(),
  change: v.picklist(["added", "updated", "unchanged"]),
  reference: v.string(),
  digest: v.nullable(digest),
  previousReference: v.nullable(v.string()),
  previousDigest: v.nullable(digest),
  platforms: v.pipe(v.array(v.string()), v.description("Current platforms of the tool.")),
  platformChanges: v.array(
    v.object({
      platform: v.string(),
      change: v.picklist(["added", "removed", "changed", "unchanged"]),
      size: v.nullable(size),
      previousSize: v.nullable(size),
    }),
  ),
});
export const lockSchema = v.object({ lock: v.string(), tools: v.array(lockChange) });
export const lockListSchema = v.object({
  lock: v.string(),
  tools: v.array(
    v.object({
      tool: v.string(),
      reference: v.string(),
      version: v.pipe(v.string(), v.description("Tag of the reference without `{platform}`, or its digest.")),
      platforms: v.pipe(v.array(v.string()), v.description("Platform strings, or `any`.")),
      size: v.pipe(
        v.nullable(size),
        v.description("Bytes to fetch for this machine's platform; null if the platform is not locked."),
      ),
      cached: v.pipe(
        v.nullable(v.boolean()),
        v.description("True if this machine's files are cached; null if the platform is not locked."),
      ),
    }),
  ),
});
export const lockRemoveSchema = v.object({ lock: v.string(), removed: v.array(v.string()) });
export const lockCheckSchema = v.object({ lock: v.string(), tools: v.pipe(v.number(), v.integer()) });
export const lockOnlineSchema = v.object({
  lock: v.string(),
  tools: v.pipe(v.number(), v.integer()),
  moved: v.array(
    v.object({
      tool: v.string(),
      reference: v.string(),
      locked: digest,
      current: v.pipe(v.nullable(digest), v.description("Digest that the tag means now; null if the tag is gone.")),
    }),
  ),
});
export const pushSchema = v.object({
  reference: v.string(),
  digest: v.pipe(digest, v.description("Digest of the index or manifest that the tag means now.")),
  mediaType: v.string(),
  platforms: v.array(v.object({ platform, digest, size, contentSize })),
});
export const loginSchema = v.object({
  registry: v.string(),
  username: v.string(),
  keptIn: v.pipe(v.string(), v.description("Credential helper or file that stores the login.")),
  checked: v.pipe(
    v.boolean(),
    v.description("True: the registry accepted the login. False: the registry asks for no login."),
  ),
});
export const logoutSchema = v.object({
  registry: v.string(),
  removedFrom: v.nullable(
    v.pipe(v.string(), v.description("Credential helper or file that stored the login, or both; null if none did.")),
  ),
  remainingIn: v.nullable(
    v.pipe(
      v.string(),
      v.description("Source of a remaining login: a variable, or another client's file; null without a login."),
    ),
  ),
});
export const doctorSchema = v.object({
  reference: v.string(),
  healthy: v.pipe(v.boolean(), v.description("True if no check failed.")),
  checks: v.array(
    v.object({
      name: v.string(),
      status: v.picklist(["ok", "warning", "failed", "skipped"]),
      detail: v.string(),
      hint: v.nullable(v.string()),
      durationMs: v.pipe(v.number(), v.minValue(0)),
    }),
  ),
});
export const configSchema = v.object({
  files: v.pipe(v.array(v.string()), v.description("Configuration files in use, in order of precedence.")),
  settings: v.array(
    v.object({
      name: v.pipe(
        v.string(),
        v.description("Name of the setting, as in the configuration file if files may set the setting."),
      ),
      value: v.nullable(v.union([v.string(), v.number(), v.boolean(), v.array(v.string())])),
      source: v.pipe(
        v.string(),
        v.description("Option, variable, file, or `default`; for a joined value, all its sources."),
      ),
    }),
  ),
  registries: v.array(
    v.object({
      name: v.string(),
      prefix: v.string(),
      mirrors: v.array(v.string()),
      source: v.pipe(v.string(), v.description("Configuration file that defines the name.")),
    }),
  ),
  leftOut: v.pipe(
    v.array(
      v.object({
        key: v.pipe(v.string(), v.description("Key in the file, such as `auditLog` or `registries.acme`.")),
        file: v.string(),
        reason: v.pipe(v.string(), v.description("Reason for ignoring the key, and the place to set the key instead.")),
      }),
    ),
    v.description("Keys of the project's file that a project may not set."),
  ),
  cacheSharedBecause: v.pipe(
    v.nullable(v.string()),
    v.description("Reason that other users could change the cache; null if only this user can."),
  ),
});
export const importSchema = v.object({
  reference: v.string(),
  digest: v.pipe(digest, v.description("Digest of the index or manifest that the tag means now.")),
  mediaType: v.string(),
  platforms: v.array(
    v.object({
      platform,
      digest,
      size,
      contentSize,
      origin: v.pipe(v.string(), v.description("Package URL, URL or file name, with the SHA-256 of a file.")),
    }),
  ),
  missing: v.pipe(v.array(v.string()), v.description("Wanted platforms that the source does not offer.")),
});
export const tagSchema = v.object({ reference: v.string(), digest, tagged: v.array(v.string()) });
export const pruneSchema = v.object({
  repository: v.string(),
  locks: v.pipe(
    v.array(v.string()),
    v.description("Locks whose artifacts stay: the project's own, and those of `--lock`."),
  ),
  tags: v.array(
    v.object({
      tag: v.string(),
      digest,
      created: v.nullable(v.string()),
      fate: v.picklist(["removed", "would be removed", "kept"]),
      why: v.string(),
    }),
  ),
});
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
export const copySchema = v.object({
  artifacts: v.array(v.object({ source: v.string(), destination: v.string(), digest })),
  manifestsCopied: count,
  manifestsPresent: count,
  blobsCopied: count,
  blobsMounted: v.pipe(count, v.description("Blobs mounted within the registry, without an upload.")),
  blobsPresent: count,
  bytesSent: size,
});
export const whichSchema = v.object({
  tool: v.string(),
  path: v.pipe(v.string(), v.description("Absolute path of the program.")),
  digest: v.pipe(digest, v.description("Digest of the program itself.")),
});
const shimEntries = {
  folder: v.string(),
  lock: v.string(),
  written: v.pipe(v.array(v.string()), v.description("Tools whose shim is new or changed.")),
  unchanged: v.array(v.string()),
  removed: v.pipe(v.array(v.string()), v.description("Tools that left the lock.")),
};
export const shimSchema = v.object(shimEntries);
export const envSchema = v.object({
  ...shimEntries,
  shell: v.string(),
  lines: v.pipe(v.array(v.string()), v.description("Lines for the shell to evaluate.")),
});
export const lockExportSchema = v.object({
  lock: v.string(),
  format: v.string(),
  tools: v.array(
    v.object({
      tool: v.string(),
      text: v.pipe(v.string(), v.description("The DotSlash file, or the lines for mise.toml.")),
    }),
  ),
  files: v.pipe(v.array(v.string()), v.description("Absolute paths of the written files.")),
});
export const initSchema = v.object({
  root: v.pipe(v.string(), v.description("Folder of the project.")),
  written: v.boolean(),
  files: v.array(v.object({ path: v.string(), created: v.boolean(), added: v.array(v.string()) })),
  byHand: v.pipe(
    v.array(v.object({ path: v.string(), why: v.string(), lines: v.array(v.string()) })),
    v.description("Lines that could not be added, or that differ from existing lines."),
  ),
  present: v.array(v.string()),
});
export const errorSchema = v.object({
  error: v.object({
    code: v.string(),
    message: v.string(),
    causes: v.array(v.string()),
    hint: v.nullable(v.string()),
    exitCode: v.pipe(v.number(), v.integer()),
    retryable: v.boolean(),
  }),
});
export type ErrorJson = v.InferOutput<typeof errorSchema>;

/** Schemas by file name in `docs/schemas/`. */
export const jsonSchemas = {
  pull: pullSchema,
  blob: blobSchema,
  extract: extractSchema,
  list: listSchema,
  info: infoSchema,
  verify: verifySchema,
  platform: platformSchema,
  cache: cacheSchema,
  "clear-cache": clearCacheSchema,
  lock: lockSchema,
  "lock-list": lockListSchema,
  "lock-remove": lockRemoveSchema,
  "lock-check": lockCheckSchema,
  "lock-check-online": lockOnlineSchema,
  push: pushSchema,
  copy: copySchema,
  import: importSchema,
  tag: tagSchema,
  prune: pruneSchema,
  "lock-export": lockExportSchema,
  init: initSchema,
  which: whichSchema,
  shim: shimSchema,
  env: envSchema,
  doctor: doctorSchema,
  login: loginSchema,
  logout: logoutSchema,
  "show-config": configSchema,
  error: errorSchema,
} as const;
