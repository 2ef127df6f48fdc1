/** `lock add`, `lock update`, `lock check`: what keeps `oras.lock.json`. */

import { expandNamed, noteNamed } from "../artifact/naming.ts";
import { expandReference } from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { ConfigurationError, UsageError } from "../errors.ts";
import { checkWritable } from "../files/change-text.ts";
import { changeLock, emptyLock, isInWrittenForm, readLock } from "../lockfile/file.ts";
import { isToolName, type Lock, type LockedTool, toolOf } from "../lockfile/schema.ts";
import { changeOf, isSame, type LockChange } from "../locking/change.ts";
import { checkLayouts, checkLockPlace, type LockLayouts, layoutsOfLock, openingFromLock } from "../locking/layouts.ts";
import { type LockedTag, lookUpTags } from "../locking/online.ts";
import { checkManifests, checkOrigins } from "../locking/origins.ts";
import { lockTool } from "../locking/tool.ts";
import { qualifyReference } from "../model/reference.ts";
import { inParallel } from "../parallel.ts";
import { type Run, withSignal } from "../transfer/run.ts";

/** The reference as another machine can use it: with its registry, whatever the default is there; a layout's folder from the lock's. */
function referenceForLock(text: string, layouts: LockLayouts, services: Services): string {
  if (text.startsWith("oci:")) return layouts.referenceFor(text);
  noteNamed(text, services);
  return qualifyReference(expandNamed(text, services), services.settings.registry);
}

async function servicesOfLock(file: string, services: Services): Promise<Services> {
  return { ...services, open: openingFromLock(await layoutsOfLock(file, services), services.open) };
}

/** Opens every registry before one is asked, so that a `--plain-http` that might be for either of two is refused first. */
function openAll(tools: readonly (readonly [string, LockedTool])[], services: Services): void {
  for (const [, { reference }] of tools)
    services.open(expandReference(reference, undefined, services).reference.location);
}

async function checkChangeable(file: string, services: Services): Promise<void> {
  await checkWritable(file);
  await checkLockPlace(file, services);
}

export interface LockAddRequest {
  /** Path of the lock; a missing lock is created. */
  readonly file: string;
  readonly name: string;
  readonly reference: string;
}

/** Locks a tool under its name; an entry with this name is replaced. */
export async function lockAdd(
  { file, name, reference }: LockAddRequest,
  services: Services,
  run: Run,
): Promise<LockChange> {
  if (!isToolName(name)) {
    throw new UsageError(
      "USAGE_INVALID",
      `${JSON.stringify(name)} is not a name that a Buck2 target and a lock can have`,
      { hint: "use letters, digits, `_`, `.`, `+` and `-`; `constructor` and `prototype` are taken" },
    );
  }
  // What is wrong with the file is said before anything is fetched.
  await checkChangeable(file, services);
  const atFirst = toolOf((await readLock(file)) ?? emptyLock, name);
  const layouts = await layoutsOfLock(file, services);
  const text = referenceForLock(reference, layouts, services);
  const tool = await lockTool(name, text, { ...services, open: openingFromLock(layouts, services.open) }, run);
  let before: LockedTool | undefined;
  const change = (lock: Lock = emptyLock): Lock => {
    before = toolOf(lock, name);
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

async function readExisting(file: string): Promise<Lock> {
  const lock = await readLock(file);
  if (lock !== undefined) return lock;
  throw notFound(file);
}

function notFound(file: string): ConfigurationError {
  return new ConfigurationError("LOCK_INVALID", `lock file not found: ${file}`, {
    hint: "make one with `buck2-oras lock add NAME REFERENCE`, or name it with --lock FILE",
  });
}

/**
 * Looks the references of the lock up again and records what they mean now.
 *
 * @param names Tools to update; none means all.
 */
export async function lockUpdate(
  file: string,
  names: readonly string[],
  services: Services,
  run: Run,
): Promise<readonly LockChange[]> {
  await checkChangeable(file, services);
  const lock = await readExisting(file);
  const unknown = names.find((name) => toolOf(lock, name) === undefined);
  if (unknown !== undefined) {
    throw new UsageError("USAGE_INVALID", `${file} has no tool ${JSON.stringify(unknown)}`, {
      hint: `it has: ${Object.keys(lock.tools).join(", ") || "none"}`,
    });
  }
  const wanted = Object.entries(lock.tools).filter(([name]) => names.length === 0 || names.includes(name));
  const lockServices = await servicesOfLock(file, services);
  openAll(wanted, lockServices);
  const updated = await inParallel(wanted, run.signal, async ([name, { reference }], either) => {
    return { name, after: await lockTool(name, reference, lockServices, withSignal(run, either)) };
  });
  let changes: readonly LockChange[] = [];
  // A lock that was merged by hand is brought into its written form, though it names the same.
  const change = (now: Lock | undefined): Lock => {
    if (now === undefined) throw notFound(file);
    // Who removed a tool meanwhile, or locked another reference under its name, knew what he wanted.
    const current = updated.filter(({ name, after }) => toolOf(now, name)?.reference === after.reference);
    changes = current.map(({ name, after }) => changeOf(name, toolOf(now, name), after));
    return withTools(
      now,
      current.map(({ name, after }) => [name, after] as const),
    );
  };
  await changeLock(file, change, services.context, run.signal);
  for (const { name } of updated.filter((one) => !changes.some(({ tool }) => tool === one.name))) {
    services.context.log.warn(`another process changed ${name} in ${file} meanwhile: it is left as it is now`);
  }
  return changes;
}

/**
 * Checks that the lock can be read, that its parts belong together, and that it stands as this program writes it. Asks no registry.
 *
 * @throws {ConfigurationError} `LOCK_INVALID`, `LOCK_VERSION_UNSUPPORTED`, `LOCK_OUTDATED`
 */
export async function lockCheck(file: string, services: Services): Promise<Lock> {
  const lock = await readExisting(file);
  checkLayouts(lock, await layoutsOfLock(file, services), services);
  checkOrigins(file, lock, services);
  if (await isInWrittenForm(file, lock)) return lock;
  throw new ConfigurationError("LOCK_OUTDATED", `${file} was edited by hand or merged: it is not in its written form`, {
    hint: "run `buck2-oras lock update` and commit the result",
  });
}

/**
 * Looks up the references of a lock.
 *
 * @throws {ConfigurationError} `LOCK_OUTDATED` also where the lock says something else of a manifest than is in it
 */
export async function lockCheckOnline(file: string, services: Services, run: Run): Promise<readonly LockedTag[]> {
  const lock = await lockCheck(file, services);
  const lockServices = await servicesOfLock(file, services);
  openAll(Object.entries(lock.tools), lockServices);
  const tags = await lookUpTags(lock, lockServices, run);
  // What was replaced may have been collected, and is told as replaced.
  const isNeeded = (name: string): boolean => !tags.some((tag) => tag.tool === name && tag.current !== tag.locked);
  await checkManifests({ file, lock }, { open: lockServices.open, isNeeded }, lockServices, run);
  return tags;
}
