/** The user's shell and the commands of the user's PATH. */
import { constants } from "node:fs";
import { access, readFile, stat } from "node:fs/promises";
import { basename, delimiter, join, resolve } from "node:path";
import type { Context } from "../context.ts";
import { variable } from "./environment.ts";

/** Names of shells; a program of another name started this process for a shell, or for nobody. */
const shellNames = new Set(["ash", "bash", "csh", "dash", "fish", "ksh", "mksh", "pwsh", "sh", "tcsh", "zsh"]);

/**
 * The shell that started this process, else the user's login shell: bash may run below a login shell of another kind.
 *
 * @returns Its name, such as `fish`; undefined if unknown.
 */
export async function usersShell(context: Context): Promise<string | undefined> {
  const parent = await parentName(context);
  if (parent !== undefined && shellNames.has(parent)) return parent;
  const shell = variable(context, "SHELL");
  return shell === undefined ? undefined : basename(shell);
}

/** The name of the parent process; undefined on systems without `/proc`. @see proc(5) */
async function parentName({ parentProcessId }: Context): Promise<string | undefined> {
  const name = await readFile(`/proc/${parentProcessId}/comm`, "utf8").catch(() => undefined);
  return name?.trimEnd();
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/**
 * All programs that a shell could start under a name, in the order of the PATH.
 *
 * @returns Absolute paths.
 */
export async function programsNamed(name: string, context: Context): Promise<readonly string[]> {
  const folders = (variable(context, "PATH") ?? "").split(delimiter).filter((folder) => folder !== "");
  const endings = context.os === "win32" ? (variable(context, "PATHEXT") ?? ".EXE;.CMD;.BAT").split(";") : [""];
  const paths = folders.flatMap((folder) => endings.map((ending) => join(resolve(context.cwd, folder), name + ending)));
  const found = await Promise.all(paths.map(async (path) => ((await isProgram(path)) ? [path] : [])));
  return found.flat();
}
