/** Demands of the configuration on who signed an artifact, with the keys and trust roots that the policies name. */
import type { Services } from "../artifact/services.ts";
import {
  type DecidingPolicy,
  decidingPolicies,
  formatPolicyPrefix,
  type Policy,
  type PolicySigner,
} from "../config/policies.ts";
import type { Location } from "../model/location.ts";
import type { Demand } from "../signature/check.ts";
import { keyOfPolicy, type NamedPolicy, rootOfPolicy } from "./named-files.ts";

export interface SignerDemand extends NamedPolicy {
  readonly action: Policy["action"];
  readonly demand: Demand;
}

type SignerPolicy = Policy & { readonly signers: readonly PolicySigner[] };

function hasSigners(policy: Policy): policy is SignerPolicy {
  return policy.signers !== undefined;
}

type PolicyServices = Pick<Services, "context" | "limitOpen" | "settings">;

async function demandOf(
  { file: { file }, policy }: DecidingPolicy<SignerPolicy>,
  { context, limitOpen }: PolicyServices,
): Promise<SignerDemand> {
  const { prefix, action, signers, trustRoot } = policy;
  const named = { file, prefix: formatPolicyPrefix(prefix) };
  const paths = signers.flatMap((one) => ("key" in one ? [one.key] : []));
  const keys = await Promise.all(paths.map((path) => limitOpen(() => keyOfPolicy(named, path, context))));
  const identities = signers.flatMap((one) => ("key" in one ? [] : [{ subject: one.identity, issuer: one.issuer }]));
  const root = trustRoot === undefined ? undefined : await limitOpen(() => rootOfPolicy(named, trustRoot, context));
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
