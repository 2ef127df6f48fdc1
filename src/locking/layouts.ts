/**
 * Where the layout folders of a lock are: from the lock's folder, and inside the project. Whoever wrote a checkout wrote its lock, and
 * what lies elsewhere on this machine is not his to have read, published or pinned.
 */
import { dirname, isAbsolute, relative, resolve, sep, win32 } from "node:path";
import { readReference } from "../artifact/naming.ts";
import type { Services } from "../artifact/services.ts";
import { isInside, leadsInside, realLocation } from "../config/inside.ts";
import { findProjectRoot } from "../config/project-root.ts";
import { ConfigurationError, UsageError } from "../errors.ts";
import type { Lock } from "../lockfile/schema.ts";

const layoutPrefix = "oci:";

export interface LockLayouts {
  /** Folder of the lock file. */
  readonly lockDir: string;
  /**
   * The absolute path of a layout that the lock names.
   *
   * @throws {ConfigurationError} `LOCK_INVALID` for one outside of the project
   */
  readonly locate: (path: string) => string;
  /**
   * A reference from the command line, whose path starts at the working folder, as the lock names it.
   *
   * @throws {UsageError} for one outside of the project
   */
  readonly referenceFor: (text: string) => string;
}

/**
 * Where nothing marks a project, it is the working folder, if the lock lies below it and the home folder does not.
 *
 * @returns undefined for a lock outside of any project
 */
async function projectOf(lockDir: string, { context }: Services): Promise<string | undefined> {
  const { folder, isMarked } = await findProjectRoot({ ...context, cwd: lockDir });
  if (isMarked) return folder;
  const isProject = isInside(lockDir, context.cwd) && !isInside(context.homeDir, context.cwd);
  return isProject ? context.cwd : undefined;
}

/**
 * A lock of the project is a file of the project: links are the checkout's, and what lies elsewhere is not its author's to have written.
 *
 * @throws {ConfigurationError} `LOCK_INVALID` for a link that leads out of the project
 */
export async function checkLockPlace(file: string, services: Services): Promise<void> {
  const path = resolve(file);
  const project = await projectOf(dirname(path), services);
  if (project === undefined || leadsInside(path, project) === true) return;
  throw new ConfigurationError("LOCK_INVALID", `${file} leads out of the project ${project} through a link`, {
    hint: `remove the link and lock the tools in the project, or name the file itself: \`--lock ${realLocation(path) ?? "FILE"}\``,
  });
}

export async function layoutsOfLock(file: string, services: Services): Promise<LockLayouts> {
  const lockDir = dirname(resolve(file));
  const project = (await projectOf(lockDir, services)) ?? lockDir;
  const hint =
    "copy it into the project with `buck2-oras copy oci:FROM:TAG oci:TO:TAG` and lock it there; a project begins at `.buckroot` or `.buckconfig`, else at the working folder";
  return {
    lockDir,
    locate: (path) => {
      const found = resolve(lockDir, path);
      // An absolute path means another folder on each machine.
      if (!isAbsolute(path) && !win32.isAbsolute(path) && leadsInside(found, project) === true) return found;
      throw new ConfigurationError(
        "LOCK_INVALID",
        `${file} names the layout folder ${path}, which is not inside the project ${project}`,
        { hint },
      );
    },
    referenceFor: (text) => {
      const path = resolve(text.slice(layoutPrefix.length));
      const { location } = readReference(text.replaceAll("{platform}", "any"), services);
      if (location.kind !== "layout" || leadsInside(resolve(location.path), project) === true) {
        return layoutPrefix + relative(lockDir, path).split(sep).join("/");
      }
      throw new UsageError(
        "USAGE_INVALID",
        `${location.path} is not inside the project ${project}, as a lock needs it`,
        {
          hint,
        },
      );
    },
  };
}

/** Locates every layout of the lock. @throws {ConfigurationError} `LOCK_INVALID` */
export function checkLayouts(lock: Lock, { locate }: LockLayouts, services: Services): void {
  for (const { reference, platforms } of Object.values(lock.tools)) {
    const texts = Object.entries(platforms).flatMap(([platform, { repository }]) => [
      reference.replaceAll("{platform}", platform),
      repository,
    ]);
    for (const text of [...new Set(texts)].filter((one) => one.startsWith(layoutPrefix))) {
      const { location } = readReference(text, services);
      if (location.kind === "layout") locate(location.path);
    }
  }
}

/** Opens what a lock names: `oci:DIR` in it starts at its folder. */
export function openingFromLock({ locate }: LockLayouts, open: Services["open"]): Services["open"] {
  return (location) => open(location.kind === "layout" ? { kind: "layout", path: locate(location.path) } : location);
}
