/** The user's folder for installed tools. It is no part of the cache: CI saves and restores caches of other jobs. */
import { isAbsolute, join } from "node:path";
import type { Context } from "../context.ts";
import { ConfigurationError } from "../errors.ts";
import { folderVariable, variable } from "./environment.ts";

/**
 * `BUCK2_ORAS_TOOLS_DIR`, else the user's folder for data: XDG on Linux, `~/Library/Application Support` on macOS,
 * `%LOCALAPPDATA%` on Windows.
 *
 * @returns Absolute path; the folder may be missing.
 * @throws {ConfigurationError} the variable holds a relative path
 */
export function toolsFolder(context: Context): string {
  const named = variable(context, "BUCK2_ORAS_TOOLS_DIR");
  if (named !== undefined && !isAbsolute(named)) {
    throw new ConfigurationError("CONFIG_INVALID", `BUCK2_ORAS_TOOLS_DIR is not an absolute path: ${named}`, {
      hint: "set it to an absolute path: programs are started from any folder",
    });
  }
  return named ?? join(userDataDir(context), "buck2-oras-tools");
}

function userDataDir(context: Context): string {
  switch (context.os) {
    case "darwin":
      return join(context.homeDir, "Library", "Application Support");
    case "win32":
      return folderVariable(context, "LOCALAPPDATA") ?? join(context.homeDir, "AppData", "Local");
    default:
      return folderVariable(context, "XDG_DATA_HOME") ?? join(context.homeDir, ".local", "share");
  }
}
