/** `lock add`, `lock update` and `lock check`: maintain `oras.lock.json`. */

import { expandNamed, type NamingServices, noteNamed } from "../artifact/naming.ts";
import { expandReference } from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { checkPoliciesKnown, versionAspects } from "../config/ignored-policies.ts";
import { ConfigurationError, UsageError } from "../errors.ts";
import { checkWritable } from "../files/change-text.ts";
import { changeLock, emptyLock, isInWrittenForm, readLock } from "../lockfile/file.ts";
import { isToolName, type Lock, type LockedTool, type LockOptions, toolOf } from "../lockfile/schema.ts";
import { type LockingServices, withKnownAccess } from "../locking/access.ts";
import type { AgeOptions } from "../locking/age.ts";
import { withAge } from "../locking/age-gate.ts";
import { changeOf, isAskedAlike, isSame } from "../locking/change.ts";
import { checkNames, lockNotFound, readExisting } from "../locking/existing.ts";
import { checkLayouts, type LockLayouts, layoutsOfLock, openingFromLock } from "../locking/layouts.ts";
import type { LockChange } from "../locking/lock-change.ts";
import { type LockedTag, lookUpTags } from "../locking/online.ts";
import { checkManifests, checkOrigins } from "../locking/origins.ts";
import { checkPolicies, checkPoliciesOnline, type PolicyFault } from "../locking/policy-check.ts";
import { checkLockPlace } from "../locking/project.ts";
import { checkAccepted, lostSigners, type Replaced } from "../locking/signers.ts";
import { changedSources, checkAcceptedSources } from "../locking/sources.ts";
import { lockTool } from "../locking/tool.ts";
import { qualifyReference } from "../model/reference.ts";
import { inParallel } from "../parallel.ts";
import { joinRefusals, PolicyRefusal } from "../policy/refusal.ts";
import { type Run, withSignal } from "../transfer/run.ts";

/** Reference that means the same on every machine: with its registry, or a layout relative to the lock's folder. */
function referenceForLock(text: string, layouts: LockLayouts, services: NamingServices): string {
  if (text.startsWith("oci:")) return layouts.referenceFor(text);
  noteNamed(text, services);
  return qualifyReference(expandNamed(text, services), services.settings.registry);
}

async function servicesOfLock<Given extends Services>(file: string, services: Given): Promise<Given> {
  return { ...services, open: openingFromLock(await layoutsOfLock(file, services), services.open) };
}

/** Opens every location before the first request, so that an ambiguous `--plain-http` is refused first. */
function openAll(
  tools: readonly (readonly [string, LockedTool])[],
  services: Pick<Services, "context" | "noteNamed" | "open" | "settings">,
): void {
  for (const [, { reference }] of tools)
    services.open(expandReference(reference, undefined, services).reference.location);
}

async function checkChangeable(file: string, services: Pick<Services, "context">): Promise<void> {
  await checkWritable(file);
  await checkLockPlace(file, services);
}

/** Changes of trust that a person names, so that they are no error. */
export interface Accepted {
  /** New signers of an entry with others: fingerprints, identities, or `none`. */
  readonly acceptedSigners: readonly string[];
  /** New sources of an entry with another: addresses, or `none`. */
  readonly acceptedSources: readonly string[];
}

function checkAcceptable({ acceptedSigners, acceptedSources }: Accepted): void {
  checkAccepted(acceptedSigners);
  checkAcceptedSources(acceptedSources);
}

/** Changes of trust that nobody named: those of signers and of sources together, so that one more call can name them all. */
function unaccepted(
  replaced: readonly Replaced[],
  { acceptedSigners, acceptedSources }: Accepted,
): readonly PolicyRefusal[] {
  return [...lostSigners(replaced, acceptedSigners), ...changedSources(replaced, acceptedSources)];
}

/** @throws {PolicyRefusal} for all refusals together */
function refuse(refusals: readonly PolicyRefusal[]): void {
  const refusal = joinRefusals(refusals);
  if (refusal !== undefined) throw refusal;
}

export interface LockAddRequest extends Accepted {
  /** Path of the lock; a missing lock is created. */
  readonly file: string;
  readonly name: string;
  readonly reference: string;
  /** Recorded in the lock, so that `lock update` repeats them. */
  readonly options: LockOptions | undefined;
  readonly ages: AgeOptions;
}

/** Locks a tool under its name; an entry with this name is replaced. */
export async function lockAdd(
  { file, name, reference, options, ages, ...accepted }: LockAddRequest,
  services: LockingServices,
  run: Run,
): Promise<LockChange> {
  if (!isToolName(name)) {
    throw new UsageError("USAGE_INVALID", `${JSON.stringify(name)} is not a valid name of a tool`, {
      hint: "use letters, digits, `_`, `.`, `+` and `-`; `constructor`, `prototype` and `__proto__` are reserved",
    });
  }
  checkAcceptable(accepted);
  await checkPoliciesKnown(versionAspects, services);
  // An unusable lock file is reported before the first request.
  await checkChangeable(file, services);
  const atFirst = toolOf((await readLock(file)) ?? emptyLock, name);
  const layouts = await layoutsOfLock(file, services);
  const text = referenceForLock(reference, layouts, services);
  const lockServices = { ...services, open: openingFromLock(layouts, services.open) };
  const found = await lockTool({ name, reference: text, options }, lockServices, run);
  const arrival = { name, before: atFirst, found: withKnownAccess(atFirst, found), ifYoung: "refuse" } as const;
  const { after: tool } = await withAge(arrival, ages, lockServices, run);
  let before: LockedTool | undefined;
  const change = (lock: Lock = emptyLock): Lock => {
    before = toolOf(lock, name);
    refuse(unaccepted([{ name, before, after: tool }], accepted));
    return withTools(lock, [[name, tool]]);
  };
  await changeLock(file, change, services.context, run.signal);
  if (before !== undefined && !isSame(before, atFirst) && !isSame(before, tool)) {
    services.context.log.warn(`another process locked ${name} in ${file} meanwhile: ${before.reference} was replaced`);
  }
  return changeOf(name, before, tool);
}

function withTools(lock: Lock, tools: readonly (readonly [string, LockedTool])[]): Lock {
  return { ...lock, tools: { ...lock.tools, ...Object.fromEntries(tools) } };
}

export interface LockUpdateRequest extends Pick<LockAddRequest, "ages" | "file">, Accepted {
  /** Tools to update; empty: all tools. */
  readonly names: readonly string[];
  /** True: the lock stays as it is. What is refused otherwise is refused, too; the cache is filled. */
  readonly isDryRun: boolean;
}

/**
 * Resolves the references of the lock again, and records the current digests. A version that is too young stays for the
 * next run.
 *
 * @throws {PolicyRefusal} for all tools that a policy refuses, and all changes of trust, together; nothing is written
 */
export async function lockUpdate(
  { file, names, isDryRun, ages, ...accepted }: LockUpdateRequest,
  services: LockingServices,
  run: Run,
): Promise<readonly LockChange[]> {
  checkAcceptable(accepted);
  await checkPoliciesKnown(versionAspects, services);
  if (!isDryRun) await checkChangeable(file, services);
  const lock = await readExisting(file);
  checkNames(names, lock, file);
  const wanted = Object.entries(lock.tools).filter(([name]) => names.length === 0 || names.includes(name));
  const lockServices = await servicesOfLock(file, services);
  openAll(wanted, lockServices);
  const refusals: PolicyRefusal[] = [];
  const updated = await inParallel(wanted, run.signal, async ([name, before], either) => {
    const { reference, options } = before;
    try {
      const one = withSignal(run, either);
      const found = withKnownAccess(before, await lockTool({ name, reference, options }, lockServices, one));
      return await withAge({ name, before, found, ifYoung: "leave" }, ages, lockServices, one);
    } catch (error) {
      if (error instanceof PolicyRefusal) {
        refusals.push(error);
        return { name, after: before, left: undefined };
      }
      // Only the first failure is news: it aborts the other tools.
      if (!either.aborted)
        services.context.log.warn(`${name} stays as locked, and so do all tools: ${reference} failed`);
      throw error;
    }
  });
  const replaced = updated.map(({ name, after }) => ({ name, before: toolOf(lock, name), after }));
  refuse([...refusals, ...unaccepted(replaced, accepted)]);
  let changes: readonly LockChange[] = [];
  // A lock merged by hand is also rewritten in its written form, even with the same digests.
  const change = (now: Lock | undefined): Lock => {
    if (now === undefined) throw lockNotFound(file);
    // A tool that another process removed, or locked with another reference, stays as changed.
    const current = updated.filter(({ name, after }) => isAskedAlike(toolOf(now, name), after));
    // Once more: another process may have locked other signers meanwhile.
    const written = current.map(({ name, after }) => ({ name, before: toolOf(now, name), after }));
    refuse(unaccepted(written, accepted));
    changes = current.map(({ name, after, left }) => {
      const change = changeOf(name, toolOf(now, name), after);
      return left === undefined ? change : { ...change, change: "left", left };
    });
    // A version that was left changes nothing, not even what another process has locked meanwhile.
    const taken = current.filter(({ left }) => left === undefined);
    return withTools(
      now,
      taken.map(({ name, after }) => [name, after] as const),
    );
  };
  if (isDryRun) change(lock);
  else await changeLock(file, change, services.context, run.signal);
  for (const { name } of updated.filter((one) => !changes.some(({ tool }) => tool === one.name))) {
    services.context.log.warn(`another process changed ${name} in ${file} meanwhile: that change is kept`);
  }
  return changes;
}

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
  return { tools: Object.keys(lock.tools).length, files, faults };
}
