/** Methods for a lock file: arguments → request of a use case. */

import type { Services } from "../artifact/services.ts";
import type { LockingServices } from "../locking/access.ts";
import type { AgeOptions } from "../locking/age.ts";
import { findLockFile } from "../locking/find.ts";
import { parseAge } from "../model/age.ts";
import { parsePlatform } from "../model/platform.ts";
import type { Run } from "../transfer/run.ts";
import { copyLock } from "../verbs/copy.ts";
import { lockAdd, lockUpdate } from "../verbs/lock.ts";
import { lockCheck, lockCheckOnline, lockCheckPolicies } from "../verbs/lock-check.ts";
import { listLocked } from "../verbs/lock-list.ts";
import { lockRemove } from "../verbs/lock-remove.ts";
import { parseArgument, schemas } from "./arguments.ts";
import type { CallArguments } from "./call.ts";
import type { LockAddOptions, LockUpdateOptions } from "./options.ts";
import type { OrasLock } from "./oras-lock.ts";

/** A named lock obeys its own project's configuration, not that of the working folder. */
export interface LockArguments extends CallArguments {
  readonly file?: string | undefined;
}

/** Runs work with the services of one call. `parse` reads the caller's arguments; its errors reject, too. */
export type Caller = <Arguments extends LockArguments, Result>(
  parse: () => Arguments,
  work: (given: Arguments, services: LockingServices, run: Run) => Promise<Result>,
) => Promise<Result>;

async function fileOf({ file }: { readonly file?: string | undefined }, services: Services): Promise<string> {
  return file ?? findLockFile(services);
}

function agesOf({ minAge, maxAge }: Pick<LockUpdateOptions, "minAge" | "maxAge">): AgeOptions {
  const msOf = (age: string | undefined): number | undefined => (age === undefined ? undefined : parseAge(age));
  return { minAgeMs: msOf(minAge), maxAgeMs: msOf(maxAge) };
}

function addRequest(name: string, reference: string, options: LockAddOptions) {
  const given = parseArgument(schemas.lockAdd, options, "the options of lock.add");
  const { executable, format, platforms, acceptSigners = [], acceptSources = [], minAge, maxAge, ...call } = given;
  const isPlain = executable === undefined && format === undefined && platforms === undefined;
  const recorded = {
    executable,
    format: format === undefined ? undefined : parseArgument(schemas.format, format, "`format` of lock.add"),
    platforms: platforms === undefined ? undefined : [...new Set(platforms.map(parsePlatform))].sort(),
  };
  return {
    ...call,
    name: parseArgument(schemas.text, name, "`name` of lock.add"),
    reference: parseArgument(schemas.text, reference, "`reference` of lock.add"),
    options: isPlain ? undefined : recorded,
    acceptedSigners: acceptSigners,
    ages: agesOf({ minAge, maxAge }),
    acceptedSources: acceptSources,
  };
}

export function createLock(call: Caller): OrasLock {
  return {
    add: (name, reference, options = {}) =>
      call(
        () => addRequest(name, reference, options),
        async (given, services, run) => lockAdd({ ...given, file: await fileOf(given, services) }, services, run),
      ),
    update: (names = [], options = {}) =>
      call(
        () => ({
          ...parseArgument(schemas.lockUpdate, options, "the options of lock.update"),
          names: parseArgument(schemas.texts, names, "`names` of lock.update"),
        }),
        async ({ acceptSigners = [], acceptSources = [], dryRun = false, ...given }, services, run) => {
          const accepted = { acceptedSigners: acceptSigners, acceptedSources: acceptSources };
          const file = await fileOf(given, services);
          return lockUpdate(
            { file, names: given.names, isDryRun: dryRun, ...accepted, ages: agesOf(given) },
            services,
            run,
          );
        },
      ),
    list: (options = {}) =>
      call(
        () => parseArgument(schemas.lock, options, "the options of lock.list"),
        async (given, services) =>
          listLocked({ file: await fileOf(given, services), isNamed: given.file !== undefined }, services),
      ),
    remove: (names, options = {}) =>
      call(
        () => ({
          ...parseArgument(schemas.lock, options, "the options of lock.remove"),
          names: parseArgument(schemas.texts, names, "`names` of lock.remove"),
        }),
        async (given, services, run) => lockRemove(await fileOf(given, services), given.names, services, run),
      ),
    check: (options = {}) =>
      call(
        () => parseArgument(schemas.lockCheck, options, "the options of lock.check"),
        async ({ online = false, policy = false, ...given }, services, run) => {
          const file = await fileOf(given, services);
          const tags = online ? await lockCheckOnline(file, services, run) : [];
          const report = policy ? await lockCheckPolicies({ file, isOnline: online }, services, run) : undefined;
          const tools = Object.keys((await lockCheck(file, services)).tools);
          return { tools, tags, faults: report?.faults, uncovered: report?.uncovered };
        },
      ),
    copy: (destination, options = {}) =>
      call(
        () => ({
          ...parseArgument(schemas.lockCopy, options, "the options of lock.copy"),
          destination: parseArgument(schemas.text, destination, "`destination` of lock.copy"),
        }),
        async ({ referrers = true, source, destination: to, ...given }, services, run) => {
          const lockFile = await fileOf(given, services);
          return copyLock({ lockFile, source, destination: to, withReferrers: referrers }, services, run);
        },
      ),
  };
}
