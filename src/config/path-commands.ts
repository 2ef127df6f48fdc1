/** The user's shell and the commands of the user's PATH. */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { basename, delimiter, join, resolve } from "node:path";
import type { Context } from "../context.ts";
import { variable } from "./environment.ts";

/** The name of the user's login shell, such as `fish`; undefined if unknown. */
export function loginShell(context: Context): string | undefined {
  const shell = variable(context, "SHELL");
  return shell === undefined ? undefined : basename(shell);
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
