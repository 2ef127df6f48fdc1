/** Parses the arguments of a program: a caller without TypeScript may pass any value. */

import * as v from "valibot";
import { UsageError } from "../errors.ts";
import { isLockedPath, layerFormats } from "../lockfile/schema.ts";
import { ageForm, parseAge } from "../model/age.ts";
import { demandedLevels } from "../model/source-level.ts";
import type {
  CallOptions,
  ClearCacheOptions,
  CopyOptions,
  Credentials,
  ImportOptions,
  InfoOptions,
  LockAddOptions,
  LockCheckOptions,
  LockCopyOptions,
  LockOptions,
  LockUpdateOptions,
  OrasClientOptions,
  PullOptions,
  PushOptions,
} from "./options.ts";

/** No text of a request may hold a NUL: no path, host or header can carry one. */
const text = v.pipe(
  v.string("must be a string"),
  v.check((value) => !value.includes("\0"), "must not contain a NUL character"),
);
const path = v.pipe(text, v.minLength(1, "must not be empty"));
const flag = v.boolean("must be true or false");
const amount = v.pipe(
  v.number("must be a number"),
  v.check((value) => value >= 0 && value < Number.POSITIVE_INFINITY, "must be a finite number from 0"),
);
const texts = v.array(text, "must be a list of strings");
const record = v.record(text, text, "must be an object of strings");

const call = {
  signal: v.optional(v.instance(AbortSignal, "must be an AbortSignal")),
  onProgress: v.optional(
    v.custom<NonNullable<CallOptions["onProgress"]>>((value) => typeof value === "function", "must be a function"),
  ),
};
const publish = {
  ...call,
  compression: v.optional(v.picklist(["zstd", "gzip", "none"], "must be `zstd`, `gzip` or `none`")),
  annotations: v.optional(record),
};
const age = v.pipe(
  text,
  v.check((one) => parseAge(one) !== undefined, `must be ${ageForm}`),
);
const accept = {
  acceptSigners: v.optional(v.pipe(texts, v.readonly())),
  acceptSources: v.optional(v.pipe(texts, v.readonly())),
  minAge: v.optional(age),
  maxAge: v.optional(age),
};
const lock = { ...call, file: v.optional(path) };

/** One schema for each interface of `options.ts`. */
export const schemas = {
  client: v.strictObject({
    registry: v.optional(text),
    cacheDir: v.optional(path),
    verbose: v.optional(flag),
    offline: v.optional(flag),
    timeoutSeconds: v.optional(v.number("must be a number")),
    plainHttp: v.optional(v.union([flag, v.pipe(texts, v.readonly())], "must be true, false or a list of hosts")),
    caFile: v.optional(path),
  }) satisfies v.GenericSchema<OrasClientOptions>,
  call: v.strictObject(call) satisfies v.GenericSchema<CallOptions>,
  pull: v.strictObject({
    ...call,
    digest: v.optional(text),
    platform: v.optional(text),
    output: v.optional(path),
    extract: v.optional(flag),
  }) satisfies v.GenericSchema<PullOptions>,
  info: v.strictObject({ ...call, platform: v.optional(text) }) satisfies v.GenericSchema<InfoOptions>,
  clearCache: v.strictObject({
    ...call,
    olderThanDays: v.optional(amount),
    maxSizeBytes: v.optional(amount),
  }) satisfies v.GenericSchema<ClearCacheOptions>,
  push: v.strictObject({
    ...publish,
    platforms: v.optional(v.record(text, path, "must be an object of paths by platform")),
    title: v.optional(path),
    artifactType: v.optional(text),
  }) satisfies v.GenericSchema<PushOptions>,
  import: v.strictObject({
    ...publish,
    platforms: v.optional(v.pipe(texts, v.readonly())),
    digest: v.optional(text),
    title: v.optional(path),
    skipUnavailable: v.optional(flag),
    requireSource: v.optional(v.picklist(demandedLevels)),
    trustRoot: v.optional(path),
    registryKeys: v.optional(path),
  }) satisfies v.GenericSchema<ImportOptions>,
  copy: v.strictObject({ ...call, referrers: v.optional(flag) }) satisfies v.GenericSchema<CopyOptions>,
  credentials: v.strictObject({
    registry: v.optional(text),
    username: text,
    password: text,
  }) satisfies v.GenericSchema<Credentials>,
  lock: v.strictObject(lock) satisfies v.GenericSchema<LockOptions>,
  lockUpdate: v.strictObject({
    ...lock,
    ...accept,
    dryRun: v.optional(flag),
  }) satisfies v.GenericSchema<LockUpdateOptions>,
  lockAdd: v.strictObject({
    ...lock,
    ...accept,
    executable: v.optional(v.pipe(path, v.check(isLockedPath, "must be a path inside the artifact"))),
    format: v.optional(text),
    platforms: v.optional(v.pipe(texts, v.readonly())),
  }) satisfies v.GenericSchema<LockAddOptions>,
  lockCheck: v.strictObject({
    ...lock,
    online: v.optional(flag),
    policy: v.optional(flag),
  }) satisfies v.GenericSchema<LockCheckOptions>,
  lockCopy: v.strictObject({
    ...lock,
    referrers: v.optional(flag),
    source: v.optional(text),
  }) satisfies v.GenericSchema<LockCopyOptions>,
  format: v.picklist(layerFormats, `must be one of ${layerFormats.join(", ")}`),
  text,
  path,
  texts,
};

/**
 * Parses one argument.
 *
 * @param what The argument as the error names it, such as `` `reference` of pull ``.
 * @throws {UsageError} `USAGE_INVALID`. The message never quotes the value, which may be a password.
 */
export function parseArgument<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  what: string,
): v.InferOutput<Schema> {
  // To valibot, a list is an object, too.
  if (Array.isArray(value) && schema.type === "strict_object") throw invalid(`${what} must be an object`);
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [{ message, path: steps, type, expected }] = parsed.issues;
  const name = v.getDotPath(parsed.issues[0]) ?? undefined;
  const place = name === undefined ? what : `\`${name}\` in ${what}`;
  if (type === "strict_object") {
    if (steps === undefined) throw invalid(`${what} must be an object`);
    throw invalid(expected === "never" ? `${what} has no option \`${name}\`` : `${place} is missing`);
  }
  throw invalid(`${place} ${message}`);
}

function invalid(message: string): UsageError {
  return new UsageError("USAGE_INVALID", message, { hint: "compare the call with docs/library.md of buck2-oras" });
}
