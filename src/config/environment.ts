/** Environment variables, read like POSIX programs do. */
import { isAbsolute } from "node:path";
import type { Context } from "../context.ts";

/** An empty variable counts as unset. */
export function variable(context: Context, name: string): string | undefined {
  const value = context.env[name];
  return value === undefined || value === "" ? undefined : value;
}

/**
 * The absolute path of a user's folder, from a variable. A relative path is ignored: it could lead into a checkout.
 *
 * @see XDG Base Directory Specification: "If an implementation encounters a relative path [it] should consider the path
 *   invalid"
 */
export function folderVariable(context: Context, name: string): string | undefined {
  const value = variable(context, name);
  return value !== undefined && isAbsolute(value) ? value : undefined;
}
