/** Demands on the sources of imported files: the command line's, and those of the policies. */
import { checkPoliciesKnown } from "../config/ignored-policies.ts";
import { decidingPolicies, formatPolicyPrefix, type Policy } from "../config/policies.ts";
import type { Settings } from "../config/settings.ts";
import type { Context } from "../context.ts";
import { ContentVerificationError } from "../errors.ts";
import type { ImportedFile } from "../importers/source.ts";
import type { Location } from "../model/location.ts";
import type { PlatformString } from "../model/platform.ts";
import { type DemandedLevel, fulfils } from "../model/source-level.ts";
import { rootOfPolicy } from "../policy/named-files.ts";
import { readTrustRoot, type TrustRoot } from "../signature/trust-root.ts";
import { judgeSource, type SourceVerdict } from "./judge.ts";
import { type RegistryKey, readRegistryKeys } from "./registry-keys.ts";

export interface SourceDemandRequest {
  /** Undefined: the policies alone demand. */
  readonly requiredSource: DemandedLevel | undefined;
  /** File of a trusted_root.json, which counts in place of the policies' own. */
  readonly trustRoot: string | undefined;
  /** File of a registry's keys. */
  readonly registryKeys: string | undefined;
}

interface SourceDemand {
  readonly level: DemandedLevel;
  readonly action: Policy["action"];
  /** For people. */
  readonly by: string;
  /** A policy's own root vouches for its own demand alone: a project must not vouch in the user's name. */
  readonly trustRoot: TrustRoot | undefined;
}

export interface SourceDemands {
  readonly demands: readonly SourceDemand[];
  /** Root of the recorded verdict: the command line's, else the user's. */
  readonly trustRoot: TrustRoot | undefined;
  readonly keys: readonly RegistryKey[];
}

type SourcePolicy = Policy & { readonly source: DemandedLevel };

function hasSource(policy: Policy): policy is SourcePolicy {
  return policy.source !== undefined;
}

type Services = { readonly settings: Pick<Settings, "ignoredFiles" | "policies">; readonly context: Context };

/**
 * Reads the demands with their keys and trust roots, before anything is fetched.
 *
 * @throws {ConfigurationError} for a policy's trust root that cannot be read, and for a project's file that is ignored and
 *   demands a source: such a policy is no missing policy
 */
export async function sourceDemands(
  location: Location,
  { requiredSource, trustRoot: rootPath, registryKeys }: SourceDemandRequest,
  { settings, context }: Services,
): Promise<SourceDemands> {
  await checkPoliciesKnown(["source"], { settings, context });
  const given = rootPath === undefined ? undefined : await readTrustRoot(rootPath, context);
  const keys = registryKeys === undefined ? [] : await readRegistryKeys(registryKeys, context);
  const deciding = decidingPolicies(location, settings.policies, hasSource);
  const ofPolicies = await Promise.all(
    deciding.map(async ({ file: { file, isOwn }, policy: { prefix, action, source, trustRoot: path } }) => {
      const named = { file, prefix: formatPolicyPrefix(prefix) };
      const by = `the policy for ${named.prefix} in ${file}`;
      const own = path === undefined ? undefined : await rootOfPolicy(named, path, context);
      return { level: source, action, by, trustRoot: given ?? own, isOwn };
    }),
  );
  const trustRoot = given ?? ofPolicies.find(({ isOwn }) => isOwn)?.trustRoot;
  const required =
    requiredSource === undefined
      ? []
      : [{ level: requiredSource, action: "require", by: "--require-source", trustRoot } as const];
  return { demands: [...required, ...ofPolicies], trustRoot, keys };
}

export interface JudgedFile {
  readonly platform: PlatformString | undefined;
  readonly verdict: SourceVerdict;
}

const hints: Readonly<Record<DemandedLevel, string>> = {
  checksum: "import the tool from a source with checksums, such as a URL with --digest",
  signature:
    "name the keys of npm's registry with --registry-keys FILE, or import from a source that signs; Go's checksum database is one",
  provenance:
    "name a trust root with --trust-root FILE if the package has provenance, or ask its publisher for provenance",
};

function refusal(
  demand: SourceDemand,
  what: string,
  judged: readonly JudgedFile[],
): ContentVerificationError | undefined {
  const lacking = judged.filter(({ verdict }) => !fulfils(verdict.level, demand.level));
  const [first] = lacking;
  if (first === undefined) return undefined;
  const platforms = lacking.map(({ platform }) => platform).filter((one) => one !== undefined);
  const where = platforms.length === 0 ? "" : ` (${platforms.join(", ")})`;
  const { level, notes } = first.verdict;
  const has = level === "none" ? "nobody vouches for it" : `its source gives a ${level} alone`;
  const message = `${demand.by} demands ${article(demand.level)} of ${what}${where}: ${has}`;
  const cause = notes.length === 0 ? undefined : new Error(notes.join("; "));
  return new ContentVerificationError("SOURCE_REFUSED", message, { cause, hint: hints[demand.level] });
}

function article(level: DemandedLevel): string {
  return level === "provenance" ? "provenance" : `a ${level}`;
}

/**
 * Judges the files of an import.
 *
 * @param what Names the import.
 * @throws {ContentVerificationError} `SOURCE_REFUSED` for a file whose source vouches for less than is demanded;
 *   `IMPORT_CONTENT_INVALID` as {@link judgeSource}
 */
export function checkSources(
  files: readonly Pick<ImportedFile, "platform" | "vouchers">[],
  what: string,
  { demands, trustRoot, keys }: SourceDemands,
  context: Context,
): readonly JudgedFile[] {
  const nowMs = context.now();
  const judgedBy = (root: TrustRoot | undefined): readonly JudgedFile[] =>
    files.map(({ platform, vouchers }) => ({
      platform,
      verdict: judgeSource(vouchers, { trustRoot: root, keys, nowMs }),
    }));
  const recorded = judgedBy(trustRoot);
  for (const demand of demands) {
    const refused = refusal(demand, what, demand.trustRoot === trustRoot ? recorded : judgedBy(demand.trustRoot));
    if (refused === undefined) continue;
    if (demand.action === "require") throw refused;
    context.log.warn(refused.message);
  }
  return recorded;
}
