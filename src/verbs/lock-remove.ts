/** `lock remove`: removes tools from the lock. */

import type { Services } from "../artifact/services.ts";
import { checkWritable } from "../files/change-text.ts";
import { changeLock } from "../lockfile/file.ts";
import type { Lock } from "../lockfile/schema.ts";
import { checkNames, lockNotFound, readExisting } from "../locking/existing.ts";
import { checkLockPlace } from "../locking/project.ts";
import type { Run } from "../transfer/run.ts";

/** @throws {UsageError} the lock lacks one of the names; nothing is removed */
export async function lockRemove(
  file: string,
  names: readonly string[],
  { context }: Pick<Services, "context">,
  run: Run,
): Promise<void> {
  await checkWritable(file);
  await checkLockPlace(file, { context });
  checkNames(names, await readExisting(file), file);
  const change = (lock: Lock | undefined): Lock => {
    if (lock === undefined) throw lockNotFound(file);
    const kept = Object.entries(lock.tools).filter(([name]) => !names.includes(name));
    return { ...lock, tools: Object.fromEntries(kept) };
  };
  await changeLock(file, change, context, run.signal);
}
