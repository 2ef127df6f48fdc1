/** `lock check`: whether a lock belongs together, agrees with its registries, and fulfils the policies. */
import type { Services } from "../artifact/services.ts";
import { checkPoliciesKnown, versionAspects } from "../config/ignored-policies.ts";
import { ConfigurationError } from "../errors.ts";
import { isInWrittenForm } from "../lockfile/file.ts";
import type { Lock } from "../lockfile/schema.ts";
import { readExisting } from "../locking/existing.ts";
import { checkLayouts, layoutsOfLock } from "../locking/layouts.ts";
import { type LockedTag, lookUpTags } from "../locking/online.ts";
import { openAll, servicesOfLock } from "../locking/opening.ts";
import { checkManifests, checkOrigins } from "../locking/origins.ts";
import { checkPolicies, checkPoliciesOnline } from "../locking/policy-check.ts";
import type { PolicyFault } from "../locking/policy-fault.ts";
import { type UnboundPolicy, unboundPolicies, uncoveredTools } from "../locking/unbound.ts";
import type { Run } from "../transfer/run.ts";

/**
 * Checks that the lock is valid, that its parts belong together, and that the file is in its written form. Asks no
 * registry.
 *
 * @throws {ConfigurationError} `LOCK_INVALID`, `LOCK_VERSION_UNSUPPORTED`, `LOCK_OUTDATED`
 */
export async function lockCheck(
  file: string,
  services: Pick<Services, "context" | "noteNamed" | "settings">,
): Promise<Lock> {
  const lock = await readExisting(file);
  checkLayouts(lock, await layoutsOfLock(file, services), services);
  checkOrigins(file, lock, services);
  if (await isInWrittenForm(file, lock)) return lock;
  throw new ConfigurationError(
    "LOCK_OUTDATED",
    `${file} is not in its canonical form: the file was edited by hand or merged`,
    {
      hint: "run `buck2-oras lock update` and commit the result",
    },
  );
}

/**
 * Looks up the references of a lock.
 *
 * @throws {ConfigurationError} `LOCK_OUTDATED`, also if the lock differs from a locked manifest
 */
export async function lockCheckOnline(file: string, services: Services, run: Run): Promise<readonly LockedTag[]> {
  const lock = await lockCheck(file, services);
  const lockServices = await servicesOfLock(file, services);
  openAll(Object.entries(lock.tools), lockServices);
  const tags = await lookUpTags(lock, lockServices, run);
  // The registry may have deleted a replaced manifest; its tag is already reported as moved.
  const isNeeded = (name: string): boolean => !tags.some((tag) => tag.tool === name && tag.current !== tag.locked);
  await checkManifests({ file, lock }, { open: lockServices.open, isNeeded }, lockServices, run);
  return tags;
}

/** A lock, compared with the policies of today. */
export interface PolicyReport {
  /** Number of tools in the lock. */
  readonly tools: number;
  /** Configuration files that have policies. */
  readonly files: readonly string[];
  readonly faults: readonly PolicyFault[];
  /** Policies of the project that cover no tool. */
  readonly unbound: readonly UnboundPolicy[];
  /** Tools that no policy covers. */
  readonly uncovered: readonly string[];
}

/** @param isOnline True: the signatures are verified; else the records of the lock count. */
export async function lockCheckPolicies(
  { file, isOnline }: { readonly file: string; readonly isOnline: boolean },
  services: Services,
  run: Run,
): Promise<PolicyReport> {
  await checkPoliciesKnown(versionAspects, services);
  const lock = await lockCheck(file, services);
  const lockServices = await servicesOfLock(file, services);
  const faults = isOnline
    ? await checkPoliciesOnline(lock, lockServices, run)
    : await checkPolicies(lock, services, run);
  const files = services.settings.policies.map((one) => one.file);
  const [unbound, uncovered] = [unboundPolicies(lock, services), uncoveredTools(lock, services)];
  return { tools: Object.keys(lock.tools).length, files, faults, unbound, uncovered };
}
