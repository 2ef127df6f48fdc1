/** `init`: adds buck2-oras to a Buck2 project. First a plan, then the changes. */

import { lstat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findProjectRoot } from "../config/project-root.ts";
import type { Context } from "../context.ts";
import { LocalIoError, localIoError, UsageError } from "../errors.ts";
import { changeText } from "../files/change-text.ts";
import { makeFolder } from "../files/folder.ts";
import { readLock } from "../lockfile/file.ts";
import { lockFileName } from "../lockfile/name.ts";
import type { CellSource } from "../project/cell.ts";
import { type Plan, planInit } from "../project/plan.ts";
import type { Run } from "../transfer/run.ts";
import { repositoryUrl } from "../version.ts";

export interface InitRequest {
  /** Git repository; undefined: the repository of the package, if the package names one. */
  readonly origin: string | undefined;
  /** 40 hex digits. */
  readonly commit: string | undefined;
  /** Name of the cell; undefined: the existing cell, else `oras`. */
  readonly cell: string | undefined;
  /** True for an executable without Node. */
  readonly isStandalone: boolean;
}

interface InitServices {
  readonly context: Context;
}

/**
 * True for an address that git takes and a configuration file holds: with a scheme, or `USER@HOST:PATH` of ssh. A path
 * would mean a folder of one machine alone.
 */
function isGitAddress(text: string): boolean {
  if (/[\s\\]|\$\(/.test(text)) return false;
  if (/^(?:https?|ssh|git|git\+ssh):\/\/[^/]+\/./.test(text)) return URL.canParse(text);
  return /^file:\/\/\/./.test(text) || /^(?:[\w.-]+@)?[\w][\w.-]*:(?!\/\/)./.test(text);
}

/**
 * The source of a new cell; undefined without a commit, as for a project that has the cell.
 *
 * @throws {UsageError} an address that a configuration file cannot hold, or that holds a login
 */
function sourceOf({ origin = repositoryUrl, commit }: InitRequest): CellSource | undefined {
  if (origin !== undefined && !isGitAddress(origin)) {
    throw new UsageError("USAGE_INVALID", `${JSON.stringify(origin)} is not the address of a git repository`, {
      hint: "give --origin an address such as https://HOST/PATH.git, git@HOST:PATH.git or file:///PATH",
    });
  }
  if (origin !== undefined && URL.canParse(origin) && new URL(origin).password !== "") {
    throw new UsageError("USAGE_INVALID", "the address of the repository holds a password, and would be committed", {
      hint: "give --origin the address alone, and the login to git's credential helper",
    });
  }
  if (commit !== undefined && !/^[0-9a-f]{40}$/.test(commit)) {
    throw new UsageError("USAGE_INVALID", `${JSON.stringify(commit)} is not a whole commit hash`, {
      hint: "give --commit the 40 hex digits that `git rev-parse HEAD` or `git ls-remote URL HEAD` prints, in the line that ends in HEAD alone",
    });
  }
  return origin === undefined || commit === undefined ? undefined : { origin, commit };
}

/** @throws {UsageError} the folder is the user's home, or the cell cannot be added */
export async function planAdoption(request: InitRequest, { context }: InitServices, run: Run): Promise<Plan> {
  const { folder: root } = findProjectRoot(context);
  const isProject = await lstat(join(root, ".buckconfig")).then(
    () => true,
    () => false,
  );
  if (!isProject && (root === context.homeDir || dirname(root) === root)) {
    throw new UsageError("USAGE_INVALID", `${root} is no place for a new Buck2 project`, {
      hint: "change to the folder of your project, and run the command again",
    });
  }
  const lock = await readLock(join(root, lockFileName));
  const { cell: name, isStandalone } = request;
  return await planInit({ name, source: sourceOf(request), root, isProject, lock, isStandalone, signal: run.signal });
}

/** Writes the plan's files; a file that changed since the plan stays as it is, and ends the work. */
export async function applyPlan({ changes }: Plan, { context }: InitServices, run: Run): Promise<void> {
  for (const { path, name, before, after } of changes) {
    await makeFolder(dirname(path)).catch((cause: unknown) => {
      throw localIoError(`create the folder of ${name}`, cause);
    });
    const change = (now: string | undefined): string => {
      if (now === before) return after;
      throw new LocalIoError("LOCAL_IO", `${name} was changed meanwhile, and was not written`, {
        hint: "run the command again",
      });
    };
    await changeText({ path, isSecret: false }, change, context, run.signal);
  }
}
