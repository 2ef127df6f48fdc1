/**
 * Layout folders of a lock: relative to the lock's folder, and inside the project. A checkout's author controls the
 * lock, and must not have other folders of this machine read, published or pinned.
 */
import { dirname, isAbsolute, relative, resolve, sep, win32 } from "node:path";
import { type NamingServices, readReference } from "../artifact/naming.ts";
import type { Services } from "../artifact/services.ts";
import { leadsInside } from "../config/inside.ts";
import { ConfigurationError, UsageError } from "../errors.ts";
import type { Lock } from "../lockfile/schema.ts";
import { projectOf } from "./project.ts";

const layoutPrefix = "oci:";

export interface LockLayouts {
  /** Folder of the lock file. */
  readonly lockDir: string;
  /**
   * @param path Path of a layout, as the lock names the layout.
   * @returns Absolute path of the layout.
   * @throws {ConfigurationError} `LOCK_INVALID` for an absolute `path`, and for a layout outside the project
   */
  readonly locate: (path: string) => string;
  /**
   * @param text Reference from the command line; its path starts at the working folder.
   * @returns The reference for the lock; its path starts at the lock's folder.
   * @throws {UsageError} for a layout outside the project
   */
  readonly referenceFor: (text: string) => string;
}

export async function layoutsOfLock(
  file: string,
  services: Pick<Services, "context" | "noteNamed" | "settings">,
): Promise<LockLayouts> {
  const lockDir = dirname(resolve(file));
  const project = (await projectOf(lockDir, services)) ?? lockDir;
  const hint =
    "copy the layout into the project with `buck2-oras copy oci:FROM:TAG oci:TO:TAG`, and lock the copy; the project is the folder with `.buckroot` or `.buckconfig`, else the working folder";
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
        `${location.path} is not inside the project ${project}, as a lock requires`,
        {
          hint,
        },
      );
    },
  };
}

/** Checks every layout of the lock. @throws {ConfigurationError} `LOCK_INVALID` for a layout outside the project */
export function checkLayouts(lock: Lock, { locate }: LockLayouts, services: NamingServices): void {
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

/** Opens the locations of a lock: a path of `oci:DIR` starts at the lock's folder. */
export function openingFromLock({ locate }: LockLayouts, open: Services["open"]): Services["open"] {
  return (location) => open(location.kind === "layout" ? { kind: "layout", path: locate(location.path) } : location);
}
