/**
 * Shapes of what `--json` prints, one per command. The JSON schemas in `docs/schemas/` are generated from these, and
 * tests check real output against them.
 */
import * as v from "valibot";

const digest = v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/));
const size = v.pipe(v.number(), v.integer(), v.minValue(0), v.description("Bytes."));
const platform = v.nullable(v.pipe(v.string(), v.description("Platform string; null when it is the same for all.")));

const contentSize = v.pipe(v.number(), v.integer(), v.minValue(0), v.description("Bytes before compression."));

export const pullSchema = v.object({
  reference: v.pipe(v.string(), v.description("As resolved: the template filled in, the registry named.")),
  path: v.pipe(v.string(), v.description("The verified file in the cache, or the output folder.")),
  digest: v.pipe(digest, v.description("Of the file at `path`; of the manifest when `path` is a folder.")),
  manifestDigest: v.nullable(digest),
  platform,
  size,
  origin: v.picklist(["cache", "mirror", "registry", "layout"]),
  placed: v.pipe(v.array(v.string()), v.description("Files written into the output folder.")),
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
  files: v.pipe(v.number(), v.integer(), v.description("Files written.")),
});
export const listSchema = v.object({ repository: v.string(), tags: v.array(v.string()) });
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
});
export const verifySchema = v.object({ path: v.string(), digest, verified: v.literal(true) });
export const platformSchema = v.object({
  platform: v.string(),
  os: v.pipe(v.string(), v.description("OCI's name.")),
  architecture: v.pipe(v.string(), v.description("OCI's name.")),
});
export const clearCacheSchema = v.object({
  filesRemoved: v.pipe(v.number(), v.integer(), v.description("Metadata included.")),
  filesInUse: v.pipe(v.number(), v.integer(), v.description("Of transfers that may be under way: they were left.")),
  bytesFreed: size,
});
const lockChange = v.object({
  tool: v.string(),
  change: v.picklist(["added", "updated", "unchanged"]),
  reference: v.string(),
  digest: v.nullable(digest),
  previousReference: v.nullable(v.string()),
  previousDigest: v.nullable(digest),
  platforms: v.pipe(v.array(v.string()), v.description("Those that the tool has now.")),
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
export const lockCheckSchema = v.object({ lock: v.string(), tools: v.pipe(v.number(), v.integer()) });
export const lockOnlineSchema = v.object({
  lock: v.string(),
  tools: v.pipe(v.number(), v.integer()),
  moved: v.array(
    v.object({
      tool: v.string(),
      reference: v.string(),
      locked: digest,
      current: v.pipe(v.nullable(digest), v.description("Null: it is gone.")),
    }),
  ),
});
export const pushSchema = v.object({
  reference: v.string(),
  digest: v.pipe(digest, v.description("Of the index or manifest that the tag names now.")),
  mediaType: v.string(),
  platforms: v.array(v.object({ platform, digest, size, contentSize })),
});
export const loginSchema = v.object({
  registry: v.string(),
  username: v.string(),
  keptIn: v.pipe(v.string(), v.description("A credential helper or a file.")),
  checked: v.pipe(v.boolean(), v.description("The registry took it; false: it asks for no login to be tried at.")),
});
export const logoutSchema = v.object({
  registry: v.string(),
  removedFrom: v.nullable(
    v.pipe(v.string(), v.description("A credential helper or a file, or both; null: there was no login.")),
  ),
  remainingIn: v.nullable(
    v.pipe(v.string(), v.description("What still gives a login: a variable, or a file of another client.")),
  ),
});
export const doctorSchema = v.object({
  reference: v.string(),
  healthy: v.pipe(v.boolean(), v.description("No check failed.")),
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
  files: v.pipe(v.array(v.string()), v.description("Configuration files that were read, the one that wins first.")),
  settings: v.array(
    v.object({
      name: v.pipe(v.string(), v.description("As in the configuration file, where it may stand there.")),
      value: v.nullable(v.union([v.string(), v.number(), v.boolean(), v.array(v.string())])),
      source: v.pipe(
        v.string(),
        v.description("An option, a variable, a file, or `default`; for what is joined, all of them."),
      ),
    }),
  ),
  registries: v.array(
    v.object({
      name: v.string(),
      prefix: v.string(),
      mirrors: v.array(v.string()),
      source: v.pipe(v.string(), v.description("The file that says so.")),
    }),
  ),
  leftOut: v.pipe(
    v.array(
      v.object({
        key: v.pipe(v.string(), v.description("As in the file, such as `auditLog` or `registries.acme`.")),
        file: v.string(),
        reason: v.pipe(v.string(), v.description("Why it does not count, and where it may be said.")),
      }),
    ),
    v.description("What the project's file says and may not."),
  ),
  cacheSharedBecause: v.pipe(
    v.nullable(v.string()),
    v.description("Why others could change what is in the cache; null where it is this user's alone."),
  ),
});
export const importSchema = v.object({
  reference: v.string(),
  digest: v.pipe(digest, v.description("Of the index or manifest that the tag names now.")),
  mediaType: v.string(),
  platforms: v.array(
    v.object({
      platform,
      digest,
      size,
      contentSize,
      origin: v.pipe(v.string(), v.description("A package URL or an address, with the sum that was checked.")),
    }),
  ),
  missing: v.pipe(v.array(v.string()), v.description("Platforms that the source does not have it for.")),
});
export const tagSchema = v.object({ reference: v.string(), digest, tagged: v.array(v.string()) });
export const pruneSchema = v.object({
  repository: v.string(),
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
  blobsMounted: v.pipe(count, v.description("Taken over within a registry, without being sent.")),
  blobsPresent: count,
  bytesSent: size,
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

/** By the name of the file in `docs/schemas/`. */
export const jsonSchemas = {
  pull: pullSchema,
  blob: blobSchema,
  extract: extractSchema,
  list: listSchema,
  info: infoSchema,
  verify: verifySchema,
  platform: platformSchema,
  "clear-cache": clearCacheSchema,
  lock: lockSchema,
  "lock-check": lockCheckSchema,
  "lock-check-online": lockOnlineSchema,
  push: pushSchema,
  copy: copySchema,
  import: importSchema,
  tag: tagSchema,
  prune: pruneSchema,
  doctor: doctorSchema,
  login: loginSchema,
  logout: logoutSchema,
  "show-config": configSchema,
  error: errorSchema,
} as const;
