/** Schema of `buck2-oras.json`; the published JSON schema is generated from this schema. */
import * as v from "valibot";
import { UsageError } from "../errors.ts";
import { maxAgeDays } from "../model/age.ts";
import { parseByteSize } from "../model/byte-size.ts";
import { parsePattern } from "../model/identity.ts";
import { namesRegistry, parseRegistry, registryIdentity } from "../model/registry-host.ts";
import { officialImage, parseRepositoryPrefix, type RepositoryPrefix } from "../model/repository-prefix.ts";
import { demandedLevels } from "../model/source-level.ts";

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

const anyPrefix = "*";
export const policyPrefixForm = `${prefixForm}, or ${anyPrefix}`;
const identityForm = "must be the subject of a certificate, or a pattern that not everybody fulfils";
const issuerForm = "must be the issuer's address, or a pattern that not every issuer fulfils";
/** Keys and identities of one policy; each signature is compared with all of them. */
const maxSigners = 32;
const maxPolicies = 1000;

const policyPrefix = v.pipe(
  v.string(`must be ${policyPrefixForm}`),
  v.check((text) => text === anyPrefix || parses(parseRepositoryPrefix)(text), `must be ${policyPrefixForm}`),
  // In a reference, `acme/protoc` is a repository of the default registry: such a policy would bind nothing, in silence.
  v.check(
    (text) => text === anyPrefix || namesRegistry(`${text}/`),
    "must begin with a host that has a dot or a port, such as ghcr.io/acme or registry:443",
  ),
  v.transform((text): RepositoryPrefix | undefined => (text === anyPrefix ? undefined : parseRepositoryPrefix(text))),
  v.description("`HOST` or `HOST/REPOSITORY`; `*` is every reference, layout folders too."),
);

const keySigner = v.strictObject({
  key: v.pipe(text, v.description("File of a public key in PEM, relative to this file's folder.")),
});
const identitySigner = v.strictObject({
  identity: v.pipe(
    v.string(identityForm),
    v.check(
      parses((one) => parsePattern(one, "identity")),
      identityForm,
    ),
    v.description("Subject of the signer's certificate; `*` stands for any text without `/`, `**` for any text."),
  ),
  issuer: v.pipe(
    v.string(issuerForm),
    v.check(
      parses((one) => parsePattern(one, "issuer")),
      issuerForm,
    ),
    v.description("Issuer that vouches for the identity, exactly or with `*` and `**`."),
  ),
});

/** Keys of a policy that demand something; one of them is needed. */
const demandKeys = ["signers", "minAgeDays", "maxAgeDays", "source"] as const;

const minAgeForm = `must be a number of days from 0 to ${maxAgeDays}`;
const maxAgeForm = `must be a number of days above 0, up to ${maxAgeDays}`;

const policySchema = v.pipe(
  v.strictObject({
    prefix: policyPrefix,
    action: v.optional(
      v.pipe(
        v.picklist(["require", "warn"], 'must be "require" or "warn"'),
        v.description("`require` (default) refuses what does not fulfil the policy; `warn` warns."),
      ),
    ),
    signers: v.optional(
      v.pipe(
        v.array(v.union([keySigner, identitySigner], 'must have "key" alone, or "identity" and "issuer" alone')),
        v.check((signers) => signers.length > 0, "must have a signer, since nobody fulfils an empty list"),
        v.maxLength(maxSigners, `must have ${maxSigners} signers at most`),
        v.description("Signers of whom one must have signed."),
      ),
    ),
    minAgeDays: v.optional(
      v.pipe(
        v.number(minAgeForm),
        v.minValue(0, minAgeForm),
        v.maxValue(maxAgeDays, minAgeForm),
        v.description("A version must be that old, by a trusted time; 0 exempts what a shorter prefix demands."),
      ),
    ),
    maxAgeDays: v.optional(
      v.pipe(
        v.number(maxAgeForm),
        v.gtValue(0, maxAgeForm),
        v.maxValue(maxAgeDays, maxAgeForm),
        v.description("A version must not be older than that, by a trusted time."),
      ),
    ),
    source: v.optional(
      v.pipe(
        v.picklist(demandedLevels, `must be ${demandedLevels.map((one) => `"${one}"`).join(" or ")}`),
        v.description("How much the source of an imported file must vouch for the file, at least."),
      ),
    ),
    trustRoot: v.optional(
      v.pipe(
        text,
        v.description(
          "The trusted_root.json for identities, provenance and trusted times, relative to this file's folder.",
        ),
      ),
    ),
  }),
  v.check(
    (policy) => demandKeys.some((key) => policy[key] !== undefined),
    `must have a demand: ${demandKeys.map((key) => `\`${key}\``).join(" or ")}`,
  ),
  v.check(
    ({ signers = [], trustRoot }) => trustRoot !== undefined || !signers.some((one) => "identity" in one),
    "must have a `trustRoot`, which identities need",
  ),
  v.check(
    ({ minAgeDays = 0, maxAgeDays = Number.POSITIVE_INFINITY }) => minAgeDays < maxAgeDays,
    "must have a `maxAgeDays` above its `minAgeDays`: no version fulfils both",
  ),
);

/** One text for all spellings of a prefix. */
function prefixKey(prefix: RepositoryPrefix | undefined): string {
  if (prefix === undefined) return anyPrefix;
  const { registry, repository } = officialImage(prefix) ?? prefix;
  return `${registryIdentity(registry)}/${repository}`;
}

const policiesSchema = v.pipe(
  v.array(policySchema),
  v.maxLength(maxPolicies, `must have ${maxPolicies} policies at most`),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const seen = new Set<string>();
    for (const [index, one] of dataset.value.entries()) {
      const key = prefixKey(one.prefix);
      if (seen.has(key)) {
        const message = "must have another prefix: an earlier policy of this file has the same";
        const at = { type: "array", origin: "value", input: dataset.value, key: index, value: one } as const;
        addIssue({ message, input: one, path: [at] });
        return;
      }
      seen.add(key);
    }
  }),
  v.description(
    "Demands on what is locked and imported, by prefix: the longest prefix decides. The policies of the user's file and of the project's file must all be fulfilled.",
  ),
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
