/** Locks that must exist, and names that a lock must have. */
import { ConfigurationError, UsageError } from "../errors.ts";
import { readLock } from "../lockfile/file.ts";
import { type Lock, toolOf } from "../lockfile/schema.ts";

/** @throws {ConfigurationError} `LOCK_INVALID` */
export async function readExisting(file: string): Promise<Lock> {
  const lock = await readLock(file);
  if (lock !== undefined) return lock;
  throw lockNotFound(file);
}

export function lockNotFound(file: string): ConfigurationError {
  return new ConfigurationError("LOCK_INVALID", `lock file not found: ${file}`, {
    hint: "create the lock with `buck2-oras lock add NAME REFERENCE`, or name a lock with --lock FILE",
  });
}

/** @throws {UsageError} the lock lacks one of the names */
export function checkNames(names: readonly string[], lock: Lock, file: string): void {
  const unknown = names.find((name) => toolOf(lock, name) === undefined);
  if (unknown === undefined) return;
  throw new UsageError("USAGE_INVALID", `${file} has no tool ${JSON.stringify(unknown)}`, {
    hint: `choose a tool of the lock: ${Object.keys(lock.tools).join(", ") || "none is locked"}`,
  });
}
