/** `lock add`, `lock update`, `lock check`: what keeps `oras.lock.json`. */
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { ConfigurationError, UsageError } from "../errors.ts";
import { emptyLock, formatLock, readLock, readLockText, writeLock } from "../lock/file.ts";
import type { Lock, LockedTool } from "../lock/schema.ts";
import { isToolName } from "../lock/schema.ts";
import { qualifyReference } from "../model/reference.ts";
import { type ClientDeps, expandNamed } from "./deps.ts";
import { changeOf, type LockChange } from "./lock-change.ts";
import { type LockedTag, lookUpTags } from "./lock-online.ts";
import { lockTool } from "./lock-tool.ts";
import { inParallel } from "./parallel.ts";
import { expandReference } from "./resolve.ts";

const layoutPrefix = "oci:";

/**
 * The reference as another machine can use it: with its registry, whatever the default is there; a layout's folder, named
 * from the working folder on the command line, from the lock's folder.
 */
function referenceForLock(text: string, lockDir: string, deps: ClientDeps): string {
  if (!text.startsWith(layoutPrefix)) return qualifyReference(expandNamed(text, deps), deps.settings.registry);
  const path = text.slice(layoutPrefix.length);
  return isAbsolute(path) ? text : layoutPrefix + relative(lockDir, resolve(path)).split(sep).join("/");
}

/** Depends on where the lock is, since `oci:DIR` in it starts there. */
function depsOfLock(file: string, deps: ClientDeps): ClientDeps {
  const lockDir = dirname(resolve(file));
  return {
    ...deps,
    open: (location) =>
      deps.open(location.kind === "layout" ? { kind: "layout", path: resolve(lockDir, location.path) } : location),
  };
}

/** Opens every registry before one is asked, so that a `--plain-http` that might be for either of two is refused first. */
function openAll(tools: readonly (readonly [string, LockedTool])[], deps: ClientDeps): void {
  for (const [, { reference }] of tools) deps.open(expandReference(reference, undefined, deps).reference.location);
}

/**
 * Locks a tool under `name`, in place of what stood there.
 *
 * @param file Path of the lock, which is made when it is missing.
 */
export async function lockAdd(
  file: string,
  name: string,
  reference: string,
  deps: ClientDeps,
  signal: AbortSignal,
): Promise<LockChange> {
  if (!isToolName(name)) {
    throw new UsageError("USAGE_INVALID", `${JSON.stringify(name)} is not a name that a Buck2 target can have`, {
      hint: "use letters, digits, `_`, `.`, `+` and `-`",
    });
  }
  const lock = (await readLock(file)) ?? emptyLock;
  const text = referenceForLock(reference, dirname(resolve(file)), deps);
  const tool = await lockTool(name, text, depsOfLock(file, deps), signal);
  await writeLock(file, { ...lock, tools: { ...lock.tools, [name]: tool } });
  return changeOf(name, lock.tools[name], tool);
}

async function readExisting(file: string): Promise<Lock> {
  const lock = await readLock(file);
  if (lock !== undefined) return lock;
  throw new ConfigurationError("LOCK_INVALID", `lock file not found: ${file}`, {
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
  deps: ClientDeps,
  signal: AbortSignal,
): Promise<readonly LockChange[]> {
  const lock = await readExisting(file);
  const unknown = names.find((name) => lock.tools[name] === undefined);
  if (unknown !== undefined) {
    throw new UsageError("USAGE_INVALID", `${file} has no tool ${JSON.stringify(unknown)}`, {
      hint: `it has: ${Object.keys(lock.tools).join(", ") || "none"}`,
    });
  }
  const wanted = Object.entries(lock.tools).filter(([name]) => names.length === 0 || names.includes(name));
  const lockDeps = depsOfLock(file, deps);
  openAll(wanted, lockDeps);
  const updated = await inParallel(wanted, signal, async ([name, before], either) => {
    return { name, before, after: await lockTool(name, before.reference, lockDeps, either) };
  });
  const changes = updated.map(({ name, before, after }) => changeOf(name, before, after));
  // A lock that was merged by hand is brought into its written form, though it names the same.
  const isSettled = changes.every(({ change }) => change === "unchanged") && (await isInWrittenForm(file, lock));
  if (isSettled) return changes;
  const tools = { ...lock.tools, ...Object.fromEntries(updated.map(({ name, after }) => [name, after])) };
  await writeLock(file, { ...lock, tools });
  return changes;
}

async function isInWrittenForm(file: string, lock: Lock): Promise<boolean> {
  return (await readLockText(file))?.replaceAll("\r\n", "\n") === formatLock(lock);
}

/**
 * Checks that the lock can be read and stands as this program writes it. Asks no registry.
 *
 * @throws {ConfigurationError} `LOCK_INVALID`, `LOCK_VERSION_UNSUPPORTED`, `LOCK_OUTDATED`
 */
export async function lockCheck(file: string): Promise<Lock> {
  const lock = await readExisting(file);
  if (await isInWrittenForm(file, lock)) return lock;
  throw new ConfigurationError("LOCK_OUTDATED", `${file} was edited by hand or merged: it is not in its written form`, {
    hint: "run `buck2-oras lock update` and commit the result",
  });
}

/** What the references of a lock mean now. */
export async function lockCheckOnline(
  file: string,
  deps: ClientDeps,
  signal: AbortSignal,
): Promise<readonly LockedTag[]> {
  const lock = await lockCheck(file);
  const lockDeps = depsOfLock(file, deps);
  openAll(Object.entries(lock.tools), lockDeps);
  return await lookUpTags(lock, lockDeps, signal);
}
