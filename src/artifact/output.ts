/** Checks of the place that an output leads to through links: a link's author may not be the user. */
import { lstatSync, type Stats } from "node:fs";
import { basename, dirname, isAbsolute, join, parse, resolve, sep } from "node:path";
import { windowsFault } from "../archive/entry-path.ts";
import { isVersionControl } from "../archive/existing.ts";
import { quoted } from "../archive/refusal.ts";
import { isInside, leadsInside, realLocation } from "../config/inside.ts";
import type { Context } from "../context.ts";
import { LocalIoError, UsageError } from "../errors.ts";
import type { Services } from "./services.ts";

/**
 * Refuses an output folder that is another user's link, or that a link leads into a folder of version control. A user
 * who names such a folder directly may write there.
 *
 * @returns Absolute path to write to; `..` is resolved in the text, before links are followed.
 * @throws {LocalIoError} `LOCAL_IO`
 */
export function checkOutputFolder(output: string, { userId }: Pick<Context, "userId">): string {
  const path = resolve(output);
  const found = lookAt(path);
  // As Linux does in `/tmp`: proc_sys_fs(5), protected_symlinks.
  if (found?.isSymbolicLink() && userId !== undefined && found.uid !== userId && found.uid !== 0) {
    throw new LocalIoError("LOCAL_IO", `${quoted(output)} is a link of the user ${found.uid}`, {
      hint: "name the target of the link itself, or another folder",
    });
  }
  return checked(output, path, realLocation);
}

/** Errors are ignored here: the write fails later with its own error. */
function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** {@link checkOutputFolder} for a file: a link at the file's own path is allowed, since a write replaces the link. */
export function checkOutputFile(output: string): string {
  return checked(output, resolve(output), (path) => {
    const folder = realLocation(dirname(path));
    return folder === undefined ? undefined : join(folder, basename(path));
  });
}

/**
 * Node writes through `\\\\?\\`, past Windows' own rules for names: a folder `NUL` or `out.` would be created, and no
 * other program could open or remove it. `name:stream` would write into another file.
 *
 * @throws {UsageError}
 */
function checkWindowsNames(output: string, path: string): void {
  for (const name of path.slice(parse(path).root.length).split(sep)) {
    const fault = windowsFault(name);
    if (fault === undefined) continue;
    throw new UsageError("USAGE_INVALID", `${quoted(output)} ${fault}`, { hint: "choose another name for the output" });
  }
}

function checked(output: string, path: string, locate: (path: string) => string | undefined): string {
  if (sep === "\\") checkWindowsNames(output, path);
  const location = locate(path);
  // A path with an unknown location cannot be written either.
  if (location === undefined || !isVersionControl(location.split(sep)) || isVersionControl(path.split(sep)))
    return path;
  throw new LocalIoError(
    "LOCAL_IO",
    `${quoted(output)} leads to ${quoted(location)} in a folder of version control, whose files may be run`,
    { hint: "name that folder itself to write there, or remove the link" },
  );
}

/** Warns of an output that leads out of the project. Not an error: build folders are often links to another disk. */
export function warnIfLedOut(output: string, { settings, context }: Pick<Services, "context" | "settings">): void {
  if (isAbsolute(output)) return;
  const path = resolve(output);
  const isLedOut = settings.projectFolders.some(
    (folder) => isInside(path, folder) && leadsInside(path, folder) === false,
  );
  if (isLedOut)
    context.log.warn(`${quoted(output)} leads to ${quoted(realLocation(path) ?? path)}, which is not in the project`);
}
