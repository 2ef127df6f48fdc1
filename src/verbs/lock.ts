/** `lock add` and `lock update`: maintain `oras.lock.json`. */

import { expandNamed, type NamingServices, noteNamed } from "../artifact/naming.ts";
import type { Services } from "../artifact/services.ts";
import { checkPoliciesKnown, versionAspects } from "../config/ignored-policies.ts";
import { UsageError } from "../errors.ts";
import { checkWritable } from "../files/change-text.ts";
import { changeLock, emptyLock, readLock } from "../lockfile/file.ts";
import { isToolName, type Lock, type LockedTool, type LockOptions, toolOf } from "../lockfile/schema.ts";
import { type Accepted, checkAcceptable, refuse, unaccepted } from "../locking/accepted.ts";
import { type LockingServices, withKnownAccess } from "../locking/access.ts";
import type { AgeOptions } from "../locking/age.ts";
import { type AgedTool, withAge } from "../locking/age-gate.ts";
import { auditedTools } from "../locking/audit-lines.ts";
import { changeOf, isAskedAlike, isSame } from "../locking/change.ts";
import { checkNames, lockNotFound, readExisting } from "../locking/existing.ts";
import { type LockLayouts, layoutsOfLock, openingFromLock } from "../locking/layouts.ts";
import type { LockChange } from "../locking/lock-change.ts";
import { openAll, servicesOfLock } from "../locking/opening.ts";
import { checkLockPlace } from "../locking/project.ts";
import type { Replaced } from "../locking/signers.ts";
import { findVersion, lockVersion, type Version } from "../locking/tool.ts";
import { warnOfUncovered } from "../locking/unbound.ts";
import { listed } from "../model/listed.ts";
import { qualifyReference } from "../model/reference.ts";
import { inParallel } from "../parallel.ts";
import { PolicyRefusal } from "../policy/refusal.ts";
import { type Run, withSignal } from "../transfer/run.ts";

/** Reference that means the same on every machine: with its registry, or a layout relative to the lock's folder. */
function referenceForLock(text: string, layouts: LockLayouts, services: NamingServices): string {
  if (text.startsWith("oci:")) return layouts.referenceFor(text);
  noteNamed(text, services);
  return qualifyReference(expandNamed(text, services), services.settings.registry);
}

async function checkChangeable(file: string, services: Pick<Services, "context">): Promise<void> {
  await checkWritable(file);
  await checkLockPlace(file, services);
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
  const add = async (): Promise<readonly LockChange[]> => {
    const version = await findVersion({ name, reference: text, options }, lockServices, run);
    const arrival = { name, before: atFirst, found: version.entry, ifYoung: "refuse" } as const;
    const { after: aged } = await withAge(arrival, ages, lockServices, run);
    refuse(unaccepted([{ name, before: atFirst, after: aged }], accepted));
    const locked = await lockVersion({ ...version, entry: aged }, lockServices, run);
    const tool = withKnownAccess(atFirst, locked);
    let before: LockedTool | undefined;
    let written = emptyLock;
    const change = (lock: Lock = emptyLock): Lock => {
      before = toolOf(lock, name);
      // Once more: another process may have locked other signers meanwhile.
      refuse(unaccepted([{ name, before, after: tool }], accepted));
      written = withTools(lock, [[name, tool]]);
      return written;
    };
    await changeLock(file, change, services.context, run.signal);
    warnOfUncovered(name, tool, written, services);
    if (before !== undefined && !isSame(before, atFirst) && !isSame(before, tool)) {
      services.context.log.warn(
        `another process locked ${name} in ${file} meanwhile: ${before.reference} was replaced`,
      );
    }
    return [changeOf(name, before, tool)];
  };
  const [change] = await auditedTools([{ name, reference: text }], services, add);
  if (change === undefined) throw new TypeError("an added tool is a change");
  return change;
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

type Entry = readonly [name: string, before: LockedTool];

/** A tool that was looked up. */
interface LookedUpTool extends AgedTool {
  /** Undefined for a version that is left or refused. */
  readonly version: Version | undefined;
}

/** Works on all tools; the first failure is named, and ends the rest. */
async function forAll<Item, Result>(
  items: readonly Item[],
  { nameOf, work }: { nameOf: (item: Item) => string; work: (item: Item, run: Run) => Promise<Result> },
  services: Services,
  run: Run,
): Promise<readonly Result[]> {
  return await inParallel(items, run.signal, async (item, either) => {
    try {
      return await work(item, withSignal(run, either));
    } catch (error) {
      // Only the first failure is news: it aborts the other tools.
      if (!either.aborted) services.context.log.warn(`${nameOf(item)} failed, so all tools stay as locked`);
      throw error;
    }
  });
}

/**
 * Looks the tools up, and refuses together what policies and recorded signers refuse, before anything is downloaded.
 *
 * @throws {PolicyRefusal}
 */
async function findVersions(
  wanted: readonly Entry[],
  { ages, ...accepted }: Accepted & Pick<LockUpdateRequest, "ages">,
  services: LockingServices,
  run: Run,
): Promise<readonly LookedUpTool[]> {
  const refusals: PolicyRefusal[] = [];
  const lookUp = async ([name, before]: Entry, one: Run): Promise<LookedUpTool> => {
    const { reference, options } = before;
    try {
      const version = await findVersion({ name, reference, options }, services, one);
      const aged = await withAge({ name, before, found: version.entry, ifYoung: "leave" }, ages, services, one);
      return { ...aged, version: aged.left === undefined ? version : undefined };
    } catch (error) {
      if (!(error instanceof PolicyRefusal)) throw error;
      refusals.push(error);
      return { name, after: before, left: undefined, version: undefined };
    }
  };
  const nameOf = ([name, { reference }]: Entry): string => `${name}: ${reference}`;
  const found = await forAll(wanted, { nameOf, work: lookUp }, services, run);
  const known = new Map(wanted);
  const replaced = found.map(({ name, after }) => ({ name, before: known.get(name), after }));
  const all = [...refusals, ...unaccepted(replaced, accepted)];
  warnOfHeldBack(replaced, all, services);
  refuse(all);
  return found;
}

const maxNamesInWarning = 10;

/** A tool that is refused holds back new versions of others. Says how to take those alone. */
function warnOfHeldBack(
  replaced: readonly Replaced[],
  refusals: readonly PolicyRefusal[],
  { context }: LockingServices,
): void {
  const refused = new Set(refusals.map(({ tool }) => tool));
  // The entries have no layers yet.
  const manifestsOf = (tool: LockedTool | undefined): string =>
    JSON.stringify(
      Object.entries(tool?.platforms ?? {})
        .map(([platform, { manifest }]) => [platform, manifest])
        .sort(),
    );
  const isNew = ({ before, after }: Replaced): boolean => manifestsOf(before) !== manifestsOf(after);
  const names = replaced.filter((one) => !refused.has(one.name) && isNew(one)).map(({ name }) => name);
  if (refused.size === 0 || names.length === 0) return;
  const [stay, add] =
    names.length === 1
      ? ["1 other tool stays", "to update it alone, add its name"]
      : [`${names.length} other tools stay`, "to update them alone, add their names"];
  context.log.warn(`${stay} as locked, too; ${add}: ${listed(names, maxNamesInWarning)}`);
}

/**
 * Resolves the references of the lock again, and records the current digests. A version that is too young stays for the
 * next run.
 *
 * @throws {PolicyRefusal} for all tools that a policy refuses, and all changes of trust, together; nothing is downloaded or
 *   written
 */
export async function lockUpdate(
  request: LockUpdateRequest,
  services: LockingServices,
  run: Run,
): Promise<readonly LockChange[]> {
  const { file, names, isDryRun } = request;
  checkAcceptable(request);
  await checkPoliciesKnown(versionAspects, services);
  if (!isDryRun) await checkChangeable(file, services);
  const lock = await readExisting(file);
  checkNames(names, lock, file);
  const wanted = Object.entries(lock.tools).filter(([name]) => names.length === 0 || names.includes(name));
  const lockServices = await servicesOfLock(file, services);
  openAll(wanted, lockServices);
  const update = (): Promise<readonly LockChange[]> => updateTools({ lock, wanted, request }, lockServices, run);
  const tools = wanted.map(([name, { reference }]) => ({ name, reference }));
  // A dry run changes no lock, so that there is nothing to log.
  return isDryRun ? await update() : await auditedTools(tools, services, update);
}

interface Updating {
  /** As read before. */
  readonly lock: Lock;
  readonly wanted: readonly Entry[];
  readonly request: LockUpdateRequest;
}

async function updateTools(
  { lock, wanted, request: { file, isDryRun, ...request } }: Updating,
  services: LockingServices,
  run: Run,
): Promise<readonly LockChange[]> {
  const found = await findVersions(wanted, request, services, run);
  const lockFound = async ({ name, after, left, version }: LookedUpTool, one: Run): Promise<AgedTool> => {
    if (version === undefined) return { name, after, left };
    const locked = await lockVersion({ ...version, entry: after }, services, one);
    return { name, after: withKnownAccess(toolOf(lock, name), locked), left };
  };
  const nameOf = ({ name, after }: LookedUpTool): string => `${name}: ${after.reference}`;
  const updated = await forAll(found, { nameOf, work: lockFound }, services, run);
  let changes: readonly LockChange[] = [];
  // A lock merged by hand is also rewritten in its written form, even with the same digests.
  const change = (now: Lock | undefined): Lock => {
    if (now === undefined) throw lockNotFound(file);
    // A tool that another process removed, or locked with another reference, stays as changed.
    const current = updated.filter(({ name, after }) => isAskedAlike(toolOf(now, name), after));
    // A version that was left changes nothing, not even what another process has locked meanwhile.
    const taken = current.filter(({ left }) => left === undefined);
    // Once more: another process may have locked other signers meanwhile.
    const written = taken.map(({ name, after }) => ({ name, before: toolOf(now, name), after }));
    refuse(unaccepted(written, request));
    changes = current.map(({ name, after, left }) => {
      const change = changeOf(name, toolOf(now, name), after);
      return left === undefined ? change : { ...change, change: "left", left };
    });
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
