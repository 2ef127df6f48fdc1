/** Lines for a BUCK file that make a target of a locked tool. */
import { dirname, relative, resolve, sep } from "node:path";
import { findProjectRoot } from "../config/project-root.ts";
import type { Context } from "../context.ts";
import { lockFileName } from "../lockfile/name.ts";
import type { LockChange } from "../locking/lock-change.ts";
import { code, type Part } from "./layout.ts";

/** Notes for the first locked tool, since the lock alone makes no target. */
export async function linesForBuck(
  { tool, reference }: Pick<LockChange, "tool" | "reference">,
  lock: string,
  { context }: { readonly context: Context },
): Promise<readonly Part[]> {
  const path = resolve(context.cwd, lock);
  const { folder } = findProjectRoot({ ...context, cwd: dirname(path) });
  const [lockPackage, name] = [relative(folder, dirname(path)).split(sep).join("/"), path.split(sep).at(-1)];
  const isLayout = reference.startsWith("oci:");
  // The attribute is a path in the package: only the BUCK file beside the lock has the lock's paths.
  const layout = isLayout ? `layout = ${JSON.stringify(reference.slice("oci:".length).replace(/[:@].*$/, ""))}, ` : "";
  return [
    `For a target of this tool, write into ${isLayout ? "the BUCK file beside the lock" : "a BUCK file"}:`,
    code(
      '  load("@oras//rules:defs.bzl", "oras_tool")',
      `  load("//${lockPackage}:${name ?? lockFileName}", lock = "value")`,
      `  oras_tool(name = ${JSON.stringify(tool)}, lock = lock, ${layout}visibility = ["PUBLIC"])`,
    ),
  ];
}
