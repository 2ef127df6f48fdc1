/**
 * Finds the configuration files: `buck2-oras.json` in the project's root or above it, and one per user.
 *
 * Both are optional. Whoever wrote the checkout wrote the project's file: `boundary.ts` says what it may decide.
 */
import { lstat, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Context } from "../context.ts";
import { ConfigurationError, isErrno, localIoError } from "../errors.ts";
import { UnfitFileError } from "../files/opened-file.ts";
import { readRegularFile } from "../files/regular-file.ts";
import { folderVariable } from "./environment.ts";
import { isInside, leadsInside } from "./inside.ts";
import { parseConfig } from "./parse.ts";
import { findProjectRoot, type ProjectRoot, strangerAmong, strangerOfFolder, upwardFrom } from "./project-root.ts";
import type { Config } from "./schema.ts";

export const configFileName = "buck2-oras.json";

export interface ConfigFile {
  /** Absolute path. */
  readonly path: string;
  readonly config: Config;
}

export interface ConfigFiles {
  /** The checkout's: by somebody else, whoever owns the file. */
  readonly project: ConfigFile | undefined;
  readonly user: ConfigFile | undefined;
  /** Absolute path, whether the file is there or not. */
  readonly userPath: string;
  /** Folders that came with the checkout, with all that is in them. */
  readonly projectFolders: readonly string[];
}

/** More than anybody writes; a checkout's file is read by every command. */
const maxConfigBytes = 1024 * 1024;

interface OwnedText {
  readonly text: string;
  readonly userId: number;
}

/** @returns undefined when there is none. @throws {ConfigurationError} something else than a file is there */
async function readText(path: string): Promise<OwnedText | undefined> {
  try {
    const { bytes, userId } = await readRegularFile(path, maxConfigBytes);
    return { text: bytes.toString("utf8"), userId };
  } catch (cause) {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) return undefined;
    if (!(cause instanceof UnfitFileError)) throw localIoError(`read ${path}`, cause);
    throw new ConfigurationError("CONFIG_INVALID", cause.message, {
      hint: "rename it: the configuration is looked for under this name",
    });
  }
}

/** Owners of the name and of its target; empty where there is nothing, or nothing may be looked at. */
async function ownersOf(path: string): Promise<readonly number[]> {
  const owners: number[] = [];
  for (const look of [lstat, stat]) {
    const stats = await look(path).catch(() => undefined);
    if (stats !== undefined) owners.push(stats.uid);
  }
  return owners;
}

/** The first one on the way from the project's root to the root of the file system. */
async function findProjectFile(root: string, context: Context): Promise<ConfigFile | undefined> {
  for (const folder of upwardFrom(root)) {
    const path = join(folder, configFileName);
    const owners = await ownersOf(path);
    if (owners.length === 0) continue;
    const neighbour = await strangerOfFolder(folder, context);
    if (neighbour !== undefined) {
      context.log.warn(`ignored ${path}: its folder belongs to the user ${neighbour}, and neither to you nor to root`);
      continue;
    }
    // Before it is opened: what a stranger put there may not be for this user to read, and ends no command.
    const found = strangerAmong(owners, context) === undefined ? await readText(path) : undefined;
    const stranger = strangerAmong([...owners, ...(found === undefined ? [] : [found.userId])], context);
    if (stranger === undefined) {
      if (found !== undefined) return { path, config: await parseConfig(found.text, path) };
      continue;
    }
    context.log.warn(`ignored ${path}: it belongs to the user ${stranger}, and neither to you nor to root`);
  }
  return undefined;
}

/** `$XDG_CONFIG_HOME/buck2-oras/config.json`, by default in `~/.config`; on Windows below `%APPDATA%`. */
function userConfigPath(context: Context): string {
  const base =
    context.os === "win32"
      ? (folderVariable(context, "APPDATA") ?? join(context.homeDir, "AppData", "Roaming"))
      : (folderVariable(context, "XDG_CONFIG_HOME") ?? join(context.homeDir, ".config"));
  return join(base, "buck2-oras", "config.json");
}

async function readUserFile(path: string): Promise<ConfigFile | undefined> {
  const found = await readText(path);
  return found === undefined ? undefined : { path, config: await parseConfig(found.text, path) };
}

/**
 * The project's root, and the folder of its file above that. A folder that holds the home folder is no checkout, unless Buck2
 * takes it for one: the user's own cache would lie in it. Neither is a working folder that nothing marks: what the user names there is his word.
 */
function projectFolders(root: ProjectRoot, project: ConfigFile | undefined, { homeDir }: Context): readonly string[] {
  const isCheckout = (folder: string): boolean => leadsInside(homeDir, folder) !== true && !isInside(homeDir, folder);
  const ofFile = project === undefined ? [] : [dirname(project.path)];
  return [...(root.isMarked ? [root.folder] : []), ...ofFile.filter(isCheckout)];
}

/** The files that there are. */
export async function readConfigFiles(context: Context): Promise<ConfigFiles> {
  const root = await findProjectRoot(context);
  const project = await findProjectFile(root.folder, context);
  const userPath = userConfigPath(context);
  const user = await readUserFile(userPath);
  return { project, user, userPath, projectFolders: projectFolders(root, project, context) };
}
