/** Where an output leads once every link on the way is followed: who made a link may not be who named the output. */
import { lstatSync, type Stats } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve, sep } from "node:path";
import { isVersionControl } from "../archive/existing.ts";
import { quoted } from "../archive/refusal.ts";
import { isInside, leadsInside, realLocation } from "../config/inside.ts";
import type { Context } from "../context.ts";
import { LocalIoError } from "../errors.ts";
import type { Services } from "./services.ts";

/**
 * A link of a checkout leads no output into a folder of version control. Whoever names such a folder himself may write there.
 *
 * @returns The absolute path to write to: `..` behind a link means the folder that the text names.
 * @throws {LocalIoError}
 */
export function checkOutputFolder(output: string, { userId }: Pick<Context, "userId">): string {
  const path = resolve(output);
  const found = lookAt(path);
  // As Linux does in `/tmp`: proc_sys_fs(5), protected_symlinks.
  if (found?.isSymbolicLink() && userId !== undefined && found.uid !== userId && found.uid !== 0) {
    throw new LocalIoError("LOCAL_IO", `${quoted(output)} is a link of the user ${found.uid}`, {
      hint: "name the folder that it leads to, if you mean it, or another one",
    });
  }
  return checked(output, path, realLocation);
}

/** A path that cannot be looked at cannot be written either, and says so then. */
function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** The same for a file to write: a link in its own place is replaced, and not followed. */
export function checkOutputFile(output: string): string {
  return checked(output, resolve(output), (path) => {
    const folder = realLocation(dirname(path));
    return folder === undefined ? undefined : join(folder, basename(path));
  });
}

function checked(output: string, path: string, locate: (path: string) => string | undefined): string {
  const location = locate(path);
  // Where nobody can tell where it leads nothing can be written either.
  if (location === undefined || !isVersionControl(location.split(sep)) || isVersionControl(path.split(sep)))
    return path;
  throw new LocalIoError(
    "LOCAL_IO",
    `${quoted(output)} leads to ${quoted(location)}, in a folder of version control, which runs what is in it`,
    { hint: "name that folder itself to write there, or remove the link" },
  );
}

/** Many a build folder is a link to another disk, so what leads out of the project is said, and not refused. */
export function warnIfLedOut(output: string, { settings, context }: Services): void {
  if (isAbsolute(output)) return;
  const path = resolve(output);
  const isLedOut = settings.projectFolders.some(
    (folder) => isInside(path, folder) && leadsInside(path, folder) === false,
  );
  if (isLedOut)
    context.log.warn(`${quoted(output)} leads to ${quoted(realLocation(path) ?? path)}, which is not in the project`);
}
