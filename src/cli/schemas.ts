/**
 * Schemas of the `--json` output, one per command. `docs/schemas/` is generated from the schemas, and tests check real
 * output.
 */
import * as v from "valibot";
import { blobSchema, extractSchema, infoSchema, listSchema, pullSchema, verifySchema } from "./schemas/artifacts.ts";
import {
  cacheSchema,
  clearCacheSchema,
  configSchema,
  doctorSchema,
  loginSchema,
  logoutSchema,
  platformSchema,
} from "./schemas/machine.ts";
import {
  attachSchema,
  copySchema,
  importSchema,
  pruneSchema,
  pushSchema,
  signSchema,
  tagSchema,
} from "./schemas/published.ts";
import { trustRootSchema, verifySignatureSchema } from "./schemas/signatures.ts";
import {
  envSchema,
  initSchema,
  lockCheckSchema,
  lockExportSchema,
  lockListSchema,
  lockOnlineSchema,
  lockPolicySchema,
  lockRemoveSchema,
  lockSchema,
  prefetchSchema,
  shimSchema,
  whichSchema,
} from "./schemas/tools.ts";

const errorSchema = v.object({
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
  "verify-signature": verifySignatureSchema,
  platform: platformSchema,
  cache: cacheSchema,
  "clear-cache": clearCacheSchema,
  lock: lockSchema,
  "lock-list": lockListSchema,
  "lock-remove": lockRemoveSchema,
  "lock-check": lockCheckSchema,
  "lock-check-online": lockOnlineSchema,
  "lock-check-policy": lockPolicySchema,
  push: pushSchema,
  attach: attachSchema,
  copy: copySchema,
  import: importSchema,
  tag: tagSchema,
  sign: signSchema,
  "trust-root": trustRootSchema,
  prune: pruneSchema,
  "lock-export": lockExportSchema,
  init: initSchema,
  prefetch: prefetchSchema,
  which: whichSchema,
  shim: shimSchema,
  env: envSchema,
  doctor: doctorSchema,
  login: loginSchema,
  logout: logoutSchema,
  "show-config": configSchema,
  error: errorSchema,
} as const;
