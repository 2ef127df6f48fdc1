/** The variables that a client's own configuration asks for, mostly for tokens: they have any names, so no list of ours can have them. */
import { readFile } from "node:fs/promises";

/**
 * @param paths Of the user's own files; those that are not there name nothing.
 * @param reference Global; its first group is the name.
 */
export async function namedVariables(paths: readonly string[], reference: RegExp): Promise<readonly string[]> {
  const texts = await Promise.all(paths.map(async (path) => await readFile(path, "utf8").catch(() => "")));
  return texts.flatMap((text) => [...text.matchAll(reference)].map((match) => match[1] ?? ""));
}
