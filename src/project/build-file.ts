/** Build files that gain loads and targets. Their Starlark is not parsed: names are looked for in the text. */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { type FoundFile, findFile } from "./text-file.ts";

export interface Addition {
  /** Load statements, a line each. */
  readonly loads: readonly string[];
  /** Targets, without a final newline. */
  readonly targets: readonly string[];
}

/** The build file of a package: the first that exists, else the last name, which has no `.v2`. */
export async function findBuildFile(
  folder: string,
  names: readonly string[],
  { root, signal }: { readonly root: string; readonly signal: AbortSignal },
): Promise<FoundFile> {
  for (const name of names) {
    signal.throwIfAborted();
    const path = join(folder, name);
    const isThere = await lstat(path).then(
      () => true,
      () => false,
    );
    if (isThere) return await findFile(path, root);
  }
  return await findFile(join(folder, names.at(-1) ?? "BUCK"), root);
}

/** Names of the targets that the text declares, as far as tools can have them; comments are no declarations. */
export function declaredNames(text: string): ReadonlySet<string> {
  const found = withoutComments(text).matchAll(/\bname\s*=\s*["']([A-Za-z0-9_.+-]+)["']/g);
  return new Set(Array.from(found, ([, name = ""]) => name));
}

export function calls(text: string, rule: string): boolean {
  return new RegExp(`\\b${rule}\\s*\\(`).test(withoutComments(text));
}

export function withoutComments(text: string): string {
  return text.replaceAll(/^[ \t]*#.*$/gm, "");
}

/** Adds loads above the first statement and targets at the end; existing lines stay as they are. */
export function withAddition(text: string, { loads, targets }: Addition): string {
  const lines = text.split("\n");
  const first = lines.findIndex((line) => !/^\s*(#.*)?$/.test(line));
  const newLoads = loads.filter((load) => !lines.includes(load));
  // A docstring must stay the first statement, and may have several lines: the loads then follow at the end.
  const hasDocstring = /^\s*r?("""|'''|["'])/.test(lines[first] ?? "");
  const isAtTop = first !== -1 && !hasDocstring;
  const gap = isAtTop && !(lines[first] ?? "").startsWith("load(") && newLoads.length > 0 ? [""] : [];
  const top = isAtTop ? lines.toSpliced(first, 0, ...newLoads, ...gap).join("\n") : text;
  const body = [...(isAtTop || newLoads.length === 0 ? [] : [newLoads.join("\n")]), ...targets].join("\n\n");
  const ended = top === "" || top.endsWith("\n") ? top : `${top}\n`;
  const before = ended === "" || ended.endsWith("\n\n") ? ended : `${ended}\n`;
  return body === "" ? top : `${before}${body}\n`;
}
