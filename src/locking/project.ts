/** The project around a lock, which no link of its author may leave: neither the lock's nor that of a folder of programs. */
import { dirname, resolve } from "node:path";
import type { Services } from "../artifact/services.ts";
import { isInside, leadsInside, realLocation } from "../config/inside.ts";
import { findProjectRoot } from "../config/project-root.ts";
import { ConfigurationError, LocalIoError } from "../errors.ts";

/**
 * Finds the project of a lock or of another file in a folder. Without a marker file, the project is the working folder, if this folder contains the
 * folder and not the home folder.
 *
 * @returns Absolute path; undefined for a folder outside any project.
 */
export async function projectOf(dir: string, { context }: Pick<Services, "context">): Promise<string | undefined> {
  const { folder, isMarked } = findProjectRoot({ ...context, cwd: dir });
  if (isMarked) return folder;
  const isProject = isInside(dir, context.cwd) && !isInside(context.homeDir, context.cwd);
  return isProject ? context.cwd : undefined;
}

/**
 * Refuses a project's lock that a link leads out of the project: the checkout's author must not choose other files of
 * this machine to be written.
 *
 * @throws {ConfigurationError} `LOCK_INVALID` for a link that leads out of the project
 */
export async function checkLockPlace(file: string, services: Pick<Services, "context">): Promise<void> {
  const path = resolve(file);
  const project = await projectOf(dirname(path), services);
  if (project === undefined || leadsInside(path, project) === true) return;
  throw new ConfigurationError("LOCK_INVALID", `${file} leads out of the project ${project} through a link`, {
    hint: `remove the link and lock the tools in the project, or name the file itself: \`--lock ${realLocation(path) ?? "FILE"}\``,
  });
}

/**
 * Refuses a file that a command replaces where a link leads it out of the project: the checkout's author could otherwise
 * have any file of this user replaced.
 *
 * @param file As typed.
 * @throws {LocalIoError} a link leads the file out of the project
 */
export async function checkFilePlace(file: string, services: Pick<Services, "context">): Promise<void> {
  const path = resolve(file);
  const project = await projectOf(dirname(path), services);
  if (project === undefined || leadsInside(path, project) === true) return;
  throw new LocalIoError("LOCAL_IO", `${file} leads out of the project ${project} through a link`, {
    hint: `remove the link, or name the file itself: ${realLocation(path) ?? "FILE"}`,
  });
}

/**
 * A folder of programs in a checkout must stay in the checkout: its author could otherwise have programs put on the
 * user's PATH. The checkouts are those of the working folder, of the lock and of the folder.
 *
 * @param folder Absolute path.
 * @throws {LocalIoError} a link leads the folder out of a project
 */
export async function checkProgramFolder(
  folder: string,
  lock: string,
  services: Pick<Services, "context" | "settings">,
): Promise<void> {
  const places = [dirname(resolve(lock)), dirname(folder)];
  const found = await Promise.all(places.map((dir) => projectOf(dir, services)));
  const projects = [...services.settings.projectFolders, ...found.filter((project) => project !== undefined)];
  if (!projects.some((project) => isInside(folder, project) && leadsInside(folder, project) !== true)) return;
  throw new LocalIoError("LOCAL_IO", `${folder} leads out of the project through a link`, {
    hint: `name the folder itself: ${realLocation(folder) ?? "DIR"}`,
  });
}
