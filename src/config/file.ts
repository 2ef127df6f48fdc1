/**
 * Finds the configuration files: `buck2-oras.json` in the project's root or above it, and one per user.
 *
 * Both are optional. Whoever wrote the checkout wrote the project's file: `boundary.ts` says what it may decide.
 */
import { lstat, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Context } from "../context.ts";
import { ConfigurationError, isErrno, localIoError } from "../errors.ts";
import { isInside, leadsInside } from "./inside.ts";
import { parseConfig } from "./parse.ts";
import { findProjectRoot, type ProjectRoot, strangerAmong, upwardFrom } from "./project-root.ts";
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

interface OwnedText {
  readonly text: string;
  /** Of the file, and of the link that leads to it. */
  readonly owners: readonly number[];
}

async function readText(path: string): Promise<OwnedText | undefined> {
  try {
    const link = await lstat(path);
    const handle = await open(path, "r");
    try {
      const { uid } = await handle.stat();
      return { text: await handle.readFile("utf8"), owners: [link.uid, uid] };
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) return undefined;
    if (isErrno(cause, "EISDIR")) {
      throw new ConfigurationError("CONFIG_INVALID", `${path} is a folder, where a file is expected`, {
        hint: "rename the folder: the configuration is looked for under this name",
      });
    }
    throw localIoError(`read ${path}`, cause);
  }
}

/** The first one on the way from the project's root to the root of the file system. */
async function findProjectFile(root: string, context: Context): Promise<ConfigFile | undefined> {
  for (const folder of upwardFrom(root)) {
    const path = join(folder, configFileName);
    const found = await readText(path);
    if (found === undefined) continue;
    const stranger = strangerAmong(found.owners, context);
    if (stranger === undefined) return { path, config: await parseConfig(found.text, path) };
    context.log.warn(`ignored ${path}: it belongs to the user ${stranger}, and neither to you nor to root`);
  }
  return undefined;
}

/** `$XDG_CONFIG_HOME/buck2-oras/config.json`, by default in `~/.config`; on Windows below `%APPDATA%`. */
function userConfigPath(context: Context): string {
  const { APPDATA, XDG_CONFIG_HOME } = context.env;
  const base =
    context.os === "win32"
      ? APPDATA || join(context.homeDir, "AppData", "Roaming")
      : XDG_CONFIG_HOME || join(context.homeDir, ".config");
  return join(base, "buck2-oras", "config.json");
}

async function readUserFile(path: string): Promise<ConfigFile | undefined> {
  const found = await readText(path);
  return found === undefined ? undefined : { path, config: await parseConfig(found.text, path) };
}

/**
 * The project's root, and the folder of its file above that. A folder that holds the home folder is no checkout, unless Buck2
 * takes it for one: the user's own cache would lie in it.
 */
function projectFolders(root: ProjectRoot, project: ConfigFile | undefined, { homeDir }: Context): readonly string[] {
  const isCheckout = (folder: string): boolean => leadsInside(homeDir, folder) !== true && !isInside(homeDir, folder);
  const others = [...(root.isMarked ? [] : [root.folder]), ...(project === undefined ? [] : [dirname(project.path)])];
  return [...(root.isMarked ? [root.folder] : []), ...others.filter(isCheckout)];
}

/** The files that there are. */
export async function readConfigFiles(context: Context): Promise<ConfigFiles> {
  const root = await findProjectRoot(context);
  const project = await findProjectFile(root.folder, context);
  const userPath = userConfigPath(context);
  const user = await readUserFile(userPath);
  return { project, user, userPath, projectFolders: projectFolders(root, project, context) };
}
