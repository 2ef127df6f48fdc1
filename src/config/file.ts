/**
 * Finds the configuration files: `buck2-oras.json` in the project's root or above it, and one per user.
 *
 * Both are optional; what the project's file says wins over the user's.
 */
import { access, lstat, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Context } from "../context.ts";
import { ConfigurationError, isErrno, localIoError } from "../errors.ts";
import { parseConfig } from "./parse.ts";
import type { Config } from "./schema.ts";

export const configFileName = "buck2-oras.json";

export interface ConfigFile {
  /** Absolute path. */
  readonly path: string;
  readonly config: Config;
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

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** From a folder to the root of the file system. */
function upwardFrom(folder: string): readonly string[] {
  return dirname(folder) === folder ? [folder] : [folder, ...upwardFrom(dirname(folder))];
}

/**
 * The folder in which a build's actions run, so that a command in a folder of the project reads the same file: that of the
 * nearest `.buckroot`, else of the outermost `.buckconfig` (in the home folder it is the user's); outside a project the
 * working folder.
 */
async function projectRoot({ cwd, homeDir }: Context): Promise<string> {
  let root = cwd;
  for (const folder of upwardFrom(cwd)) {
    if (await exists(join(folder, ".buckroot"))) return folder;
    if (folder !== homeDir && (await exists(join(folder, ".buckconfig")))) root = folder;
  }
  return root;
}

/**
 * Git's rule for what it finds above the working folder (safe.directory): a file counts if it is this user's or root's. Who may
 * write into a folder above, `/tmp` or a build machine's, could otherwise have logins sent without encryption.
 */
function strangerAmong(owners: readonly number[], { userId, env }: Context): number | undefined {
  if (userId === undefined) return undefined;
  const sudoUser = userId === 0 && env.SUDO_UID !== undefined ? Number(env.SUDO_UID) : undefined;
  return owners.find((owner) => owner !== userId && owner !== 0 && owner !== sudoUser);
}

/** The first one on the way from the project's root to the root of the file system. */
async function findProjectFile(context: Context): Promise<ConfigFile | undefined> {
  for (const folder of upwardFrom(await projectRoot(context))) {
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
export function userConfigPath(context: Context): string {
  const { APPDATA, XDG_CONFIG_HOME } = context.env;
  const base =
    context.os === "win32"
      ? APPDATA || join(context.homeDir, "AppData", "Roaming")
      : XDG_CONFIG_HOME || join(context.homeDir, ".config");
  return join(base, "buck2-oras", "config.json");
}

async function findUserFile(context: Context): Promise<ConfigFile | undefined> {
  const path = userConfigPath(context);
  const found = await readText(path);
  return found === undefined ? undefined : { path, config: await parseConfig(found.text, path) };
}

/** The files that there are, the one that wins first. */
export async function readConfigFiles(context: Context): Promise<readonly ConfigFile[]> {
  const files = [await findProjectFile(context), await findUserFile(context)];
  return files.filter((file) => file !== undefined);
}
