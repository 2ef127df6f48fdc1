/** Methods for a lock file, as the library declares them. Refers to no other package's types. */

import type { LockChange } from "../locking/lock-change.ts";
import type { LockAddOptions, LockCheckOptions, LockCopyOptions, LockOptions, LockUpdateOptions } from "./options.ts";
import type { CopyResult, LockCheck, LockedTool } from "./results.ts";

/** Methods for `oras.lock.json`, by which builds pin their tools. */
export interface OrasLock {
  /**
   * Locks a tool under a name. Creates the lock file if there is none; replaces an entry of that name.
   *
   * @param reference `HOST/REPO:TAG`, a template such as `HOST/REPO:25.1-{platform}`, or `oci:DIR:TAG`
   */
  add(name: string, reference: string, options?: LockAddOptions): Promise<LockChange>;

  /**
   * Resolves the locked references again, and records the current digests.
   *
   * @param names Tools to update; default: all.
   */
  update(names?: readonly string[], options?: LockUpdateOptions): Promise<readonly LockChange[]>;

  /** Lists the locked tools, without any request; empty for a missing lock. */
  list(options?: LockOptions): Promise<readonly LockedTool[]>;

  /**
   * Removes tools from the lock.
   *
   * @throws {UsageError} the lock lacks one of the names; nothing is removed
   */
  remove(names: readonly string[], options?: LockOptions): Promise<void>;

  /**
   * Checks that the lock is well-formed, and that its parts belong together. With `online`, also looks up the tags. With
   * `policy`, also compares it with the policies of today.
   *
   * @throws {ConfigurationError} `LOCK_INVALID`, `LOCK_VERSION_UNSUPPORTED`, `LOCK_OUTDATED`; a moved tag and an unfulfilled
   *   policy are no errors, and stand in the result
   */
  check(options?: LockCheckOptions): Promise<LockCheck>;

  /**
   * Copies every locked artifact by digest.
   *
   * @param destination `oci:DIR`, or a prefix below which each repository keeps its path
   */
  copy(destination: string, options?: LockCopyOptions): Promise<CopyResult>;
}
