/** Sources that publishers state, before and after a change: another source may be another project. */
import { UsageError } from "../errors.ts";
import { isStatedSource } from "../lockfile/stated-text.ts";
import { fulfils } from "../model/source-level.ts";
import { acceptingOption, PolicyRefusal } from "../policy/refusal.ts";
import type { Replaced } from "./signers.ts";

/** Value of `--accept-source` for a tool whose publisher states no source any more. */
const noSource = "none";

/** @throws {UsageError} for a text that no lock may hold as a source */
export function checkAcceptedSources(accepted: readonly string[]): void {
  const wrong = accepted.find((text) => !isStatedSource(text));
  if (wrong === undefined) return;
  throw new UsageError("USAGE_INVALID", `${JSON.stringify(wrong)} is not an address of a source`, {
    hint: "give --accept-source the address that the refusal names, or none",
  });
}

/** Values of `--accept-source` for a version whose source vouches for less. */
const acceptedLevel = {
  none: "unchecked",
  checksum: "checksum",
  signature: "signature",
  provenance: "provenance",
} as const;

/** A source check that gives less: an attestation that the locked version had, and the new one has not. */
function weakened({ name, before, after }: Replaced, accepted: readonly string[]): readonly PolicyRefusal[] {
  const [was, now = "none"] = [before?.stated?.sourceCheck, after.stated?.sourceCheck];
  if (was === undefined || fulfils(now, was) || accepted.includes(acceptedLevel[now])) return [];
  const message = `its source vouches for less: ${was} → ${now}`;
  return [
    new PolicyRefusal("SOURCE_CHANGED", name, message, {
      accepts: [acceptingOption("--accept-source", acceptedLevel[now])],
    }),
  ];
}

/**
 * The changes that replace the recorded source of a tool, or weaken its check, unless a person named the new one. A source that was not
 * recorded before is no change: the lock may be older than this record.
 *
 * @param accepted Values of `--accept-source`.
 */
export function changedSources(replaced: readonly Replaced[], accepted: readonly string[]): readonly PolicyRefusal[] {
  return replaced.flatMap((one) => {
    const { name, before, after } = one;
    const less = weakened(one, accepted);
    const [was, now = noSource] = [before?.stated?.source, after.stated?.source];
    if (was === undefined || was === now || accepted.includes(now)) return less;
    const message = `the source that the publisher states has changed: ${was} → ${now}`;
    return [
      new PolicyRefusal("SOURCE_CHANGED", name, message, { accepts: [acceptingOption("--accept-source", now)] }),
      ...less,
    ];
  });
}
