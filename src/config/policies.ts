/**
 * Policies of the configuration: what must be true of an artifact before it is locked. The user's file and the
 * project's file are judged apart, so a project can only add demands.
 */
import type { Location } from "../model/location.ts";
import { registryIdentity } from "../model/registry-host.ts";
import { belowPrefix, officialImage, type RepositoryPrefix } from "../model/repository-prefix.ts";
import type { DemandedLevel } from "../model/source-level.ts";
import { besideFile } from "./boundary.ts";
import type { ConfigFile } from "./file.ts";

export interface SignerKey {
  /** Absolute path of a public key. */
  readonly key: string;
}

export interface SignerIdentity {
  readonly identity: string;
  readonly issuer: string;
}

export type PolicySigner = SignerKey | SignerIdentity;

export interface Policy {
  /** Undefined: every reference, layout folders too. */
  readonly prefix: RepositoryPrefix | undefined;
  readonly action: "require" | "warn";
  /** Signers of whom one must have signed; undefined: this policy says nothing about signers. */
  readonly signers: readonly PolicySigner[] | undefined;
  /** Undefined: this policy says nothing about that age. 0 demands none, whatever a shorter prefix demands. */
  readonly minAgeDays: number | undefined;
  readonly maxAgeDays: number | undefined;
  /** How much an import's source must vouch for; undefined: this policy says nothing about sources. */
  readonly source: DemandedLevel | undefined;
  /** Absolute path of a trusted_root.json. */
  readonly trustRoot: string | undefined;
}

/** The policies of one configuration file. */
export interface PolicyFile {
  /** Absolute path. */
  readonly file: string;
  /** True for the user's file. */
  readonly isOwn: boolean;
  readonly policies: readonly Policy[];
}

function policiesOf(file: ConfigFile): readonly Policy[] {
  return (file.config.policies ?? []).map(
    ({ prefix, action = "require", signers, minAgeDays, maxAgeDays, source, trustRoot }) => ({
      prefix,
      action,
      minAgeDays,
      maxAgeDays,
      source,
      signers: signers?.map((one) => ("key" in one ? { key: besideFile(file, one.key) } : one)),
      trustRoot: trustRoot === undefined ? undefined : besideFile(file, trustRoot),
    }),
  );
}

/** The user's policies, then the project's; a file without policies is left out. */
export function readPolicies(user: ConfigFile | undefined, project: ConfigFile | undefined): readonly PolicyFile[] {
  return [user, project]
    .filter((file) => file !== undefined)
    .map((file) => ({ file: file.path, isOwn: file === user, policies: policiesOf(file) }))
    .filter(({ policies }) => policies.length > 0);
}

/**
 * The length of the part of a location that a prefix covers, to compare prefixes: `*` covers the least, then a whole
 * registry. Undefined if the prefix does not cover the location.
 */
function coveredLength(prefix: RepositoryPrefix | undefined, location: Location): number | undefined {
  if (prefix === undefined) return -1;
  if (location.kind === "layout") return undefined;
  const { registry } = location;
  if (registryIdentity(registry) !== registryIdentity(prefix.registry)) return undefined;
  // A name of Docker Hub that is no client's short name keeps `alpine` as it is.
  const at = { ...location, ...officialImage(location) };
  const covering = [prefix, officialImage(prefix)].find(
    (one) => one !== undefined && belowPrefix(at, { ...one, registry }) !== undefined,
  );
  return covering?.repository.length;
}

/** True if the policy says something about what is at the location, even where a longer prefix decides. */
export function covers({ prefix }: Policy, location: Location): boolean {
  return coveredLength(prefix, location) !== undefined;
}

/** A policy that decides, and its file. */
export interface DecidingPolicy<T extends Policy = Policy> {
  readonly file: PolicyFile;
  readonly policy: T;
}

/**
 * The deciding policy of each file for one aspect: of the policies that have the aspect, the one with the longest prefix
 * that covers the location. All of them must be fulfilled.
 *
 * @param hasAspect Such as: the policy names signers.
 */
export function decidingPolicies<T extends Policy>(
  location: Location,
  files: readonly PolicyFile[],
  hasAspect: (policy: Policy) => policy is T,
): readonly DecidingPolicy<T>[] {
  return files.flatMap((file) => {
    const covering = file.policies.filter(hasAspect).flatMap((policy) => {
      const length = coveredLength(policy.prefix, location);
      return length === undefined ? [] : [{ policy, length }];
    });
    const [longest] = covering.toSorted((one, other) => other.length - one.length);
    return longest === undefined ? [] : [{ file, policy: longest.policy }];
  });
}

/** As in the configuration file. */
export function formatPolicyPrefix(prefix: RepositoryPrefix | undefined): string {
  if (prefix === undefined) return "*";
  return prefix.repository === "" ? prefix.registry : `${prefix.registry}/${prefix.repository}`;
}
