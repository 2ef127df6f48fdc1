/** Schema of `buck2-oras.json`; the published JSON schema is generated from this schema. */
import * as v from "valibot";
import { parseByteSize } from "../model/byte-size.ts";
import { parseRegistry } from "../model/registry-host.ts";
import { parseRepositoryPrefix, type RepositoryPrefix } from "../model/repository-prefix.ts";
import { policiesSchema } from "./policy-schema.ts";
import { parses, prefixForm, text } from "./schema-parts.ts";

const hostForm = "must be a host with an optional port, such as ghcr.io or registry.lan:5000";
const secondsForm = "must be a number of seconds above 0, up to 2000000";
const daysForm = "must be a number of days above 0";
const sizeForm = "must be a size such as 500M or 2GiB";
const concurrencyForm = "must be a whole number from 1 to 64";

const host = v.pipe(v.string(hostForm), v.check(parses(parseRegistry), hostForm), v.transform(parseRegistry));
const prefix = v.pipe(
  v.string(`must be ${prefixForm}`),
  v.check(parses(parseRepositoryPrefix), `must be ${prefixForm}`),
  v.transform((text): RepositoryPrefix => parseRepositoryPrefix(text)),
);
const seconds = v.pipe(v.number(secondsForm), v.gtValue(0, secondsForm), v.maxValue(2_000_000, secondsForm));

const registrySchema = v.strictObject({
  prefix: v.pipe(
    prefix,
    v.description("`HOST` or `HOST/REPOSITORY` that replaces the name, and that the mirrors mirror."),
  ),
  mirrors: v.optional(
    v.pipe(
      v.array(prefix),
      v.description("Mirrors, asked in this order before the registry; only for content by digest, never for a tag."),
    ),
  ),
});

/** Unlike a host, a name has no `.` and no `:`. */
const registryName = v.pipe(
  v.string(),
  v.regex(/^(?!localhost$)[a-z0-9][a-z0-9_-]*$/, "must be a name of lower-case letters, digits, `_` and `-`"),
);

export const configSchema = v.strictObject({
  $schema: v.optional(v.string()),
  defaultRegistry: v.optional(
    v.pipe(host, v.description("Registry of references without a registry; from a project's file, only for reading.")),
  ),
  registries: v.optional(
    v.pipe(
      v.record(registryName, registrySchema),
      v.description(
        "Registries by name: in `NAME/tools/protoc:33.0` the prefix replaces NAME. The longest prefix selects the mirrors.",
      ),
    ),
  ),
  plainHttpHosts: v.optional(
    v.pipe(
      v.array(host),
      v.description("Hosts for plain http; loopback needs no entry. Hosts from a project's file get no login."),
    ),
  ),
  httpsHosts: v.optional(
    v.pipe(
      v.array(host),
      v.description("Hosts on loopback with TLS, such as a forwarded port; the default there is http."),
    ),
  ),
  cacheDir: v.optional(
    v.pipe(
      text,
      v.description("Folder of the cache, relative to this file's folder; in a project's file, inside that folder."),
    ),
  ),
  retention: v.optional(
    v.pipe(
      v.strictObject({
        olderThanDays: v.optional(v.pipe(v.number(daysForm), v.gtValue(0, daysForm))),
        maxSize: v.optional(
          v.pipe(
            v.string(sizeForm),
            v.check((size) => parseByteSize(size) !== undefined, sizeForm),
            v.transform((size) => parseByteSize(size) ?? 0),
          ),
        ),
      }),
      v.description(
        "Limits of the cache, applied at most once a day after the cache grew: unused files are removed by age, then the least recently used files beyond the size.",
      ),
    ),
  ),
  timeouts: v.optional(
    v.strictObject({
      totalSeconds: v.optional(v.pipe(seconds, v.description("Limit of the whole command; default 600."))),
      connectSeconds: v.optional(v.pipe(seconds, v.description("Limit of establishing a connection; default 15."))),
      idleSeconds: v.optional(v.pipe(seconds, v.description("Limit without a received byte; default 30."))),
    }),
  ),
  concurrency: v.optional(
    v.pipe(
      v.number(concurrencyForm),
      v.integer(concurrencyForm),
      v.minValue(1, concurrencyForm),
      v.maxValue(64, concurrencyForm),
      v.description("Concurrent transfers of a command; default 4."),
    ),
  ),
  policies: v.optional(policiesSchema),
  auditLog: v.optional(
    v.pipe(
      text,
      v.description("File for one JSON line per operation, relative to this file's folder; only in the user's file."),
    ),
  ),
});

export type Config = v.InferOutput<typeof configSchema>;
