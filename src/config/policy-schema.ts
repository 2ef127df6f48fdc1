/** Schema of the policies in `buck2-oras.json`. */
import * as v from "valibot";
import { maxAgeDays } from "../model/age.ts";
import { parsePattern } from "../model/identity.ts";
import { namesRegistry, registryIdentity } from "../model/registry-host.ts";
import { officialImage, parseRepositoryPrefix, type RepositoryPrefix } from "../model/repository-prefix.ts";
import { demandedLevels } from "../model/source-level.ts";
import { parses, prefixForm, text } from "./schema-parts.ts";

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

export const policiesSchema = v.pipe(
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
