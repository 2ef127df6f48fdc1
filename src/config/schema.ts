/** `buck2-oras.json`: what the configuration file may say. The published JSON schema is made from this. */
import * as v from "valibot";
import { UsageError } from "../errors.ts";
import { parseByteSize } from "../model/byte-size.ts";
import { parseRegistry, parseRepositoryPrefix, type RepositoryPrefix } from "../model/reference.ts";

function parses(parse: (text: string) => unknown): (text: string) => boolean {
  return (text) => {
    try {
      parse(text);
      return true;
    } catch (error) {
      if (error instanceof UsageError) return false;
      throw error;
    }
  };
}

const hostForm = "must be a host with an optional port, such as ghcr.io or registry.lan:5000";
export const prefixForm = "HOST or HOST/REPOSITORY, without scheme, tag and digest";
const secondsForm = "must be a number of seconds above 0, up to 2000000";
const daysForm = "must be a number of days above 0";
const sizeForm = "must be a size such as 500M or 2GiB";
const concurrencyForm = "must be a whole number from 1 to 64";
const textForm = "must be a string that is not empty";

const host = v.pipe(v.string(hostForm), v.check(parses(parseRegistry), hostForm), v.transform(parseRegistry));
const prefix = v.pipe(
  v.string(`must be ${prefixForm}`),
  v.check(parses(parseRepositoryPrefix), `must be ${prefixForm}`),
  v.transform((text): RepositoryPrefix => parseRepositoryPrefix(text)),
);
const seconds = v.pipe(v.number(secondsForm), v.gtValue(0, secondsForm), v.maxValue(2_000_000, secondsForm));
const text = v.pipe(v.string(textForm), v.minLength(1, textForm));

const registrySchema = v.strictObject({
  prefix: v.pipe(
    prefix,
    v.description("`HOST` or `HOST/REPOSITORY`: what the name stands for, and what the mirrors mirror."),
  ),
  mirrors: v.optional(
    v.pipe(
      v.array(prefix),
      v.description("Asked in this order, before the registry itself; for content by digest only, never for a tag."),
    ),
  ),
});

/** A name is told from a host by having no `.` and no `:`. */
const registryName = v.pipe(
  v.string(),
  v.regex(/^(?!localhost$)[a-z0-9][a-z0-9_-]*$/, "must be a name of lower-case letters, digits, `_` and `-`"),
);

export const configSchema = v.strictObject({
  $schema: v.optional(v.string()),
  defaultRegistry: v.optional(
    v.pipe(host, v.description("Registry of references that name none; a project's is for reading.")),
  ),
  registries: v.optional(
    v.pipe(
      v.record(registryName, registrySchema),
      v.description(
        "By name: `NAME/tools/protoc:33.0` means the prefix in place of NAME. The longest prefix counts for mirrors.",
      ),
    ),
  ),
  plainHttpHosts: v.optional(
    v.pipe(
      v.array(host),
      v.description(
        "Hosts that are talked to over http; loopback is so by itself. A project's file allows it without logins.",
      ),
    ),
  ),
  cacheDir: v.optional(
    v.pipe(text, v.description("Folder of the cache, from this file's folder; a project's is inside that one.")),
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
        "What is removed from the cache, once a day, after something was added: what was not used for so long, then the least recently used beyond the size.",
      ),
    ),
  ),
  timeouts: v.optional(
    v.strictObject({
      totalSeconds: v.optional(v.pipe(seconds, v.description("For the whole command; 600 when left out."))),
      connectSeconds: v.optional(v.pipe(seconds, v.description("Until a connection stands; 15 when left out."))),
      idleSeconds: v.optional(v.pipe(seconds, v.description("Without a byte; 30 when left out."))),
    }),
  ),
  concurrency: v.optional(
    v.pipe(
      v.number(concurrencyForm),
      v.integer(concurrencyForm),
      v.minValue(1, concurrencyForm),
      v.maxValue(64, concurrencyForm),
      v.description("Transfers at a time, over all artifacts of a command; 4 when left out."),
    ),
  ),
  auditLog: v.optional(
    v.pipe(
      text,
      v.description("File that gets one JSON line per operation, from this file's folder; in the user's file alone."),
    ),
  ),
});

export type Config = v.InferOutput<typeof configSchema>;
