/** Results about this machine: settings, logins, cache, platform, network. */
import * as v from "valibot";
import { demandedLevels } from "../../model/source-level.ts";
import { size } from "./values.ts";

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
  tools: v.pipe(
    v.object({ folder: v.string(), count: v.pipe(v.number(), v.integer()) }),
    v.description("Tools that `run` and shims installed, outside the cache."),
  ),
});
export const clearCacheSchema = v.object({
  filesRemoved: v.pipe(v.number(), v.integer(), v.description("Number of removed files, metadata included.")),
  notesRemoved: v.pipe(v.number(), v.integer(), v.description("Of the removed files, the notes on tags.")),
  transfersRemoved: v.pipe(
    v.number(),
    v.integer(),
    v.description("Of the removed files, the beginnings that transfers left."),
  ),
  filesInUse: v.pipe(v.number(), v.integer(), v.description("Number of kept files of transfers that may still run.")),
  bytesFreed: size,
  dryRun: v.pipe(v.boolean(), v.description("True: the files would be removed, and nothing was.")),
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
  policies: v.pipe(
    v.array(
      v.object({
        prefix: v.pipe(v.string(), v.description("`HOST`, `HOST/REPOSITORY`, or `*` for every reference.")),
        action: v.picklist(["require", "warn"]),
        signers: v.pipe(
          v.nullable(v.array(v.string())),
          v.description("Keys, by absolute path, and identities of whom one must have signed; null: none is demanded."),
        ),
        minAgeDays: v.pipe(v.nullable(v.number()), v.description("Least age of a version; null: none is demanded.")),
        maxAgeDays: v.pipe(v.nullable(v.number()), v.description("Greatest age of a version; null: none is demanded.")),
        source: v.pipe(
          v.nullable(v.picklist(demandedLevels)),
          v.description("How much the source of an import must vouch for; null: nothing is demanded."),
        ),
        trustRoot: v.pipe(v.nullable(v.string()), v.description("Absolute path of the trust root.")),
        faults: v.pipe(
          v.array(v.string()),
          v.description("Reasons why keys or the trust root cannot be read; the policy then refuses what it covers."),
        ),
        owner: v.picklist(["user", "project"]),
        file: v.pipe(v.string(), v.description("Configuration file that has the policy.")),
      }),
    ),
    v.description("Policies of both files; for each file, the longest prefix decides."),
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
