/** Demands of the configuration on who signed an artifact, with the keys and trust roots that the policies name. */
import type { Services } from "../artifact/services.ts";
import {
  type DecidingPolicy,
  decidingPolicies,
  formatPolicyPrefix,
  type Policy,
  type PolicyFile,
  type PolicySigner,
} from "../config/policies.ts";
import { ConfigurationError, OrasClientError } from "../errors.ts";
import type { Location } from "../model/location.ts";
import type { Demand } from "../signature/check.ts";
import { readTrustRoot } from "../signature/trust-root.ts";
import { readVerifyingKey } from "../signature/verifying-key.ts";

export interface SignerDemand {
  /** Absolute path of the configuration file that demands it. */
  readonly file: string;
  /** As in the file. */
  readonly prefix: string;
  readonly action: Policy["action"];
  readonly demand: Demand;
}

type SignerPolicy = Policy & { readonly signers: readonly PolicySigner[] };

function hasSigners(policy: Policy): policy is SignerPolicy {
  return policy.signers !== undefined;
}

async function ofPolicy<T>(
  { file, prefix }: Pick<SignerDemand, "file" | "prefix">,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof OrasClientError)) throw cause;
    // A missing file of a command line is another mistake than one of a configuration.
    const code = cause.code === "KEY_INVALID" || cause.code === "TRUST_ROOT_INVALID" ? cause.code : "CONFIG_INVALID";
    throw new ConfigurationError(code, `the policy for ${prefix} in ${file} cannot be applied`, {
      cause,
      hint: `restore the file that the policy names, or correct the policy in ${file}`,
    });
  }
}

type PolicyServices = Pick<Services, "context" | "limitOpen" | "settings">;

async function demandOf(
  { file: { file }, policy }: DecidingPolicy<SignerPolicy>,
  { context, limitOpen }: PolicyServices,
): Promise<SignerDemand> {
  const { prefix, action, signers, trustRoot } = policy;
  const named = { file, prefix: formatPolicyPrefix(prefix) };
  const paths = signers.flatMap((one) => ("key" in one ? [one.key] : []));
  const keys = await Promise.all(
    paths.map((path) => limitOpen(() => ofPolicy(named, () => readVerifyingKey(path, context)))),
  );
  const identities = signers.flatMap((one) => ("key" in one ? [] : [{ subject: one.identity, issuer: one.issuer }]));
  const root =
    trustRoot === undefined
      ? undefined
      : await limitOpen(() => ofPolicy(named, () => readTrustRoot(trustRoot, context)));
  return { ...named, action, demand: { keys, identities, trustRoot: root } };
}

/** Demands of policies, as long as the settings that hold the policies: a lock has thousands of tools below one. */
const known = new WeakMap<Policy, Promise<SignerDemand>>();

/**
 * The demands on the signers of what a location has: at most one of each configuration file, and all must be fulfilled.
 *
 * @throws {ConfigurationError} for a key or a trust root that cannot be read: a policy without its key is no missing policy
 */
export async function signerDemands(location: Location, services: PolicyServices): Promise<readonly SignerDemand[]> {
  const deciding = decidingPolicies(location, services.settings.policies, hasSigners);
  return await Promise.all(
    deciding.map((one) => {
      const demand = known.get(one.policy) ?? demandOf(one, services);
      known.set(one.policy, demand);
      return demand;
    }),
  );
}

/** A file that a policy names, and that cannot serve. */
export interface BrokenPolicy extends Pick<SignerDemand, "file" | "prefix"> {
  readonly kind: "key" | "root";
  /** Absolute path. */
  readonly path: string;
  readonly error: OrasClientError;
}

/** Reads all keys and trust roots of the policies, also of those that decide nothing here. */
export async function findBrokenPolicies(
  files: readonly PolicyFile[],
  { context, limitOpen }: Pick<Services, "context" | "limitOpen">,
): Promise<readonly BrokenPolicy[]> {
  const named = files.flatMap(({ file, policies }) =>
    policies.flatMap(({ prefix, signers = [], trustRoot }) => {
      const at = { file, prefix: formatPolicyPrefix(prefix) };
      return [
        ...signers.flatMap((one) =>
          "key" in one ? [{ ...at, kind: "key" as const, path: one.key, read: readVerifyingKey }] : [],
        ),
        ...(trustRoot === undefined ? [] : [{ ...at, kind: "root" as const, path: trustRoot, read: readTrustRoot }]),
      ];
    }),
  );
  const faults = await Promise.all(
    named.map(async ({ read, ...at }) => {
      try {
        await limitOpen<unknown>(() => read(at.path, context));
        return [];
      } catch (error) {
        if (error instanceof OrasClientError) return [{ ...at, error }];
        throw error;
      }
    }),
  );
  return faults.flat();
}
