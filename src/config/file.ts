/**
 * Search for the configuration files: `buck2-oras.json` in the project's root or above, and one file per user.
 *
 * Both are optional. The author of the checkout controls the project's file: `boundary.ts` limits its settings.
 */
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Context } from "../context.ts";
import { ConfigurationError, isErrno, localIoError } from "../errors.ts";
import { UnfitFileError } from "../files/opened-file.ts";
import { readRegularFile } from "../files/regular-file.ts";
import { folderVariable } from "./environment.ts";
import { isInside, leadsInside } from "./inside.ts";
import {
  findProjectRoot,
  ownersOf,
  type ProjectRoot,
  strangerAmong,
  strangerOfFolder,
  upwardFrom,
} from "./project-root.ts";
import type { Config } from "./schema.ts";

export const configFileName = "buck2-oras.json";

export interface ConfigFile {
  /** Absolute path. */
  readonly path: string;
  readonly config: Config;
}

export interface ConfigFiles {
  /** The checkout's file, untrusted regardless of its owner. */
  readonly project: ConfigFile | undefined;
  readonly user: ConfigFile | undefined;
  /** Absolute path; the file may be missing. */
  readonly userPath: string;
  /** Folders of the checkout, with everything below. */
  readonly projectFolders: readonly string[];
  /** Absolute paths of the checkout's own files that are ignored for their owner: what they demand is not known. */
  readonly ignored: readonly string[];
}

/** Far above real files; every command reads the checkout's file. */
export const maxConfigBytes = 1024 * 1024;

interface OwnedText {
  readonly text: string;
  readonly userId: number;
}

/** @returns undefined for a missing file. @throws {ConfigurationError} not a regular file, or too large */
async function readText(path: string): Promise<OwnedText | undefined> {
  try {
    const { bytes, userId } = await readRegularFile(path, maxConfigBytes);
    return { text: bytes.toString("utf8"), userId };
  } catch (cause) {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) return undefined;
    if (!(cause instanceof UnfitFileError)) throw localIoError(`read ${path}`, cause);
    throw new ConfigurationError("CONFIG_INVALID", cause.message, {
      hint: "rename or replace it: buck2-oras reads its configuration from this path",
    });
  }
}

/** The project's file, and the files that are ignored on the way. */
interface FoundProjectFile extends Pick<ConfigFiles, "ignored"> {
  readonly project: ConfigFile | undefined;
}

/**
 * Finds the nearest file from the project's root up to the root of the file system.
 *
 * A stranger's file belongs to the checkout if it lies in the root, or if the stranger owns the working folder, too. A
 * file that anybody may have written into `/tmp` does not.
 */
async function findProjectFile(root: string, context: Context): Promise<FoundProjectFile> {
  const ofCheckout = ownersOf(context.cwd, [statSync]);
  const ignored: string[] = [];
  const ignore = (path: string, whose: string, stranger: number): void => {
    context.log.warn(`ignored ${path}: ${whose} belongs to the user ${stranger}, and neither to you nor to root`);
    if (dirname(path) === root || ofCheckout.includes(stranger)) ignored.push(path);
  };
  for (const folder of upwardFrom(root)) {
    const path = join(folder, configFileName);
    const owners = ownersOf(path);
    if (owners.length === 0) continue;
    const neighbour = strangerOfFolder(folder, context);
    if (neighbour !== undefined) {
      ignore(path, "its folder", neighbour);
      continue;
    }
    // Checked before opening: an unreadable file of another user must not end the command.
    const found = strangerAmong(owners, context) === undefined ? await readText(path) : undefined;
    const stranger = strangerAmong([...owners, ...(found === undefined ? [] : [found.userId])], context);
    if (stranger === undefined) {
      if (found !== undefined) return { project: { path, config: await parsed(found.text, path) }, ignored };
      continue;
    }
    ignore(path, "it", stranger);
  }
  return { project: undefined, ignored };
}

/** `$XDG_CONFIG_HOME/buck2-oras/config.json`, by default in `~/.config`; on Windows below `%APPDATA%`. */
function userConfigPath(context: Context): string {
  const base =
    context.os === "win32"
      ? (folderVariable(context, "APPDATA") ?? join(context.homeDir, "AppData", "Roaming"))
      : (folderVariable(context, "XDG_CONFIG_HOME") ?? join(context.homeDir, ".config"));
  return join(base, "buck2-oras", "config.json");
}

async function parsed(text: string, path: string): Promise<Config> {
  const { parseConfig } = await import("./parse.ts");
  return await parseConfig(text, path);
}

async function readUserFile(path: string): Promise<ConfigFile | undefined> {
  const found = await readText(path);
  return found === undefined ? undefined : { path, config: await parsed(found.text, path) };
}

/**
 * The project's root, and the folder of the project's file above the root. Two kinds of folders do not count as
 * checkouts: a parent of the home folder, unless Buck2 marks it as a project, since it contains the user's own cache;
 * and an unmarked working folder, since the user chose what lies there.
 */
function projectFolders(root: ProjectRoot, project: ConfigFile | undefined, { homeDir }: Context): readonly string[] {
  const isCheckout = (folder: string): boolean => leadsInside(homeDir, folder) !== true && !isInside(homeDir, folder);
  const ofFile = project === undefined ? [] : [dirname(project.path)];
  return [...(root.isMarked ? [root.folder] : []), ...ofFile.filter(isCheckout)];
}

/** Reads the existing files. @throws {ConfigurationError} */
export async function readConfigFiles(context: Context): Promise<ConfigFiles> {
  const root = findProjectRoot(context);
  const { project, ignored } = await findProjectFile(root.folder, context);
  const userPath = userConfigPath(context);
  const user = await readUserFile(userPath);
  return { project, user, userPath, projectFolders: projectFolders(root, project, context), ignored };
}
