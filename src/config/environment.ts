/** Environment variables as POSIX programs read them. */
import { isAbsolute } from "node:path";
import type { Context } from "../context.ts";

/** An empty variable counts as unset. */
export function variable(context: Context, name: string): string | undefined {
  const value = context.env[name];
  return value === undefined || value === "" ? undefined : value;
}

/**
 * A folder of the user's that a variable names. A relative one would be a folder of the checkout, wherever a command runs.
 *
 * @see XDG Base Directory Specification: "If an implementation encounters a relative path [it] should consider the path invalid"
 */
export function folderVariable(context: Context, name: string): string | undefined {
  const value = variable(context, name);
  return value !== undefined && isAbsolute(value) ? value : undefined;
}
