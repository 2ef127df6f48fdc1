/** Results about locked tools, and the project that builds with the tools. */
import * as v from "valibot";
import { demandedLevels } from "../../model/source-level.ts";
import { digest, size } from "./values.ts";

const stated = v.pipe(
  v.object({
    version: v.nullable(v.string()),
    source: v.nullable(v.string()),
    licenses: v.nullable(v.string()),
    sourceCheck: v.nullable(v.picklist(demandedLevels)),
  }),
  v.description(
    "Annotations of the publisher, as the lock records them; null: not stated, or not the same for all platforms.",
  ),
);
const signature = v.object({
  digest,
  key: v.pipe(v.nullable(digest), v.description("Fingerprint of the signer's key; null for an identity.")),
  identity: v.nullable(v.string()),
  issuer: v.nullable(v.string()),
  time: v.nullable(v.string()),
});
const published = v.object({
  time: v.pipe(v.string(), v.description("Time from which the version's age counts.")),
  by: v.picklist(["signature", "registry"]),
});
const lockChange = v.object({
  tool: v.string(),
  change: v.pipe(
    v.picklist(["added", "updated", "unchanged", "left"]),
    v.description("`left`: the tool stays as locked, since its new version is too young."),
  ),
  left: v.pipe(
    v.nullable(
      v.object({
        reason: v.string(),
        digest: v.nullable(digest),
        published: v.pipe(v.nullable(v.string()), v.description("Time from which the age counts.")),
        oldEnoughAt: v.pipe(v.nullable(v.string()), v.description("Time after which an update takes this version.")),
      }),
    ),
    v.description("The version that was left for the next run."),
  ),
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
  stated,
  previousStated: stated,
  signatures: v.pipe(v.array(signature), v.description("Signatures that a policy demanded, as the lock records them.")),
  previousSignatures: v.array(signature),
  published: v.pipe(v.nullable(published), v.description("Null: no age was demanded when the tool was locked.")),
  previousPublished: v.nullable(published),
});
export const lockSchema = v.object({
  lock: v.string(),
  dryRun: v.pipe(v.boolean(), v.description("True: the lock would be changed, and was not.")),
  tools: v.array(lockChange),
});
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
export const prefetchSchema = v.object({
  lock: v.string(),
  tools: v.array(
    v.object({
      tool: v.string(),
      platform: v.pipe(v.string(), v.description("Platform string, or `any`.")),
      size: v.pipe(size, v.description("Bytes of all blobs.")),
      fetched: v.pipe(size, v.description("Bytes of the blobs that were not in the cache.")),
    }),
  ),
  skipped: v.pipe(
    v.array(v.object({ tool: v.string(), platform: v.string() })),
    v.description("Tools that are not locked for a wanted platform."),
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
const policyFault = v.object({
  tool: v.string(),
  reference: v.string(),
  code: v.picklist(["SIGNATURE_MISSING", "SIGNATURE_REFUSED", "SIGNER_CHANGED", "VERSION_AGE_REFUSED"]),
  action: v.pipe(v.picklist(["require", "warn"]), v.description("`warn`: the fault changes no exit code.")),
  file: v.pipe(
    v.nullable(v.string()),
    v.description("Configuration file of the policy; null: the lock records a signature that no policy demands."),
  ),
  prefix: v.nullable(v.string()),
  reason: v.string(),
  unsigned: v.pipe(
    v.nullable(v.string()),
    v.description("`REPOSITORY@DIGEST` whose signatures in the repository do not count; null: by the lock's records."),
  ),
});
export const lockPolicySchema = v.object({
  lock: v.string(),
  tools: v.pipe(v.number(), v.integer()),
  verified: v.pipe(
    v.boolean(),
    v.description("True: the signatures were verified, and the times asked for. False: what the lock records counts."),
  ),
  files: v.pipe(v.array(v.string()), v.description("Configuration files with policies.")),
  faults: v.pipe(v.array(policyFault), v.description("Demands that are not fulfilled.")),
  unbound: v.pipe(
    v.array(v.object({ file: v.string(), prefix: v.string(), nearest: v.nullable(v.string()) })),
    v.description("Policies of the project that cover no tool of the lock, with a similar prefix of its tools."),
  ),
  uncovered: v.pipe(
    v.array(v.string()),
    v.description("Names of the tools of which no policy demands a signer or an age."),
  ),
  online: v.pipe(v.nullable(lockOnlineSchema), v.description("Tags and manifests; null without --online.")),
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
  leftOut: v.pipe(
    v.array(v.string()),
    v.description("Tools without a shim, since it would hide a program of the PATH."),
  ),
};
export const shimSchema = v.object(shimEntries);
export const envSchema = v.object({
  ...shimEntries,
  shell: v.string(),
  lines: v.pipe(v.array(v.string()), v.description("Lines for the shell to evaluate.")),
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
