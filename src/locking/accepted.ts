/** Changes of trust in a lock, which a person must name: signers and sources. */
import { joinRefusals, type PolicyRefusal } from "../policy/refusal.ts";
import { checkAccepted, lostSigners, type Replaced } from "./signers.ts";
import { changedSources, checkAcceptedSources } from "./sources.ts";

/** Changes of trust that a person names, so that they are no error. */
export interface Accepted {
  /** New signers of an entry with others: fingerprints, identities, or `none`. */
  readonly acceptedSigners: readonly string[];
  /** New sources of an entry with another: addresses, or `none`. */
  readonly acceptedSources: readonly string[];
}

/** @throws {UsageError} for texts that can name nothing */
export function checkAcceptable({ acceptedSigners, acceptedSources }: Accepted): void {
  checkAccepted(acceptedSigners);
  checkAcceptedSources(acceptedSources);
}

/** Changes of trust that nobody named: those of signers and of sources together, so that one more call can name them all. */
export function unaccepted(
  replaced: readonly Replaced[],
  { acceptedSigners, acceptedSources }: Accepted,
): readonly PolicyRefusal[] {
  return [...lostSigners(replaced, acceptedSigners), ...changedSources(replaced, acceptedSources)];
}

/** @throws {PolicyRefusal} for all refusals together */
export function refuse(refusals: readonly PolicyRefusal[]): void {
  const refusal = joinRefusals(refusals);
  if (refusal !== undefined) throw refusal;
}
