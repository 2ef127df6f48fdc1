/** The variables that a client's own configuration asks for, mostly for tokens: they have any names, so no list of ours can have them. */
import { readRegularFile } from "../files/regular-file.ts";

const maxBytes = 8 * 1024 * 1024;

/**
 * @param paths Of the user's own files; those that are not there name nothing.
 * @param reference Global; its first group is the name.
 */
export async function namedVariables(paths: readonly string[], reference: RegExp): Promise<readonly string[]> {
  const texts = await Promise.all(
    paths.map(async (path) => {
      const file = await readRegularFile(path, maxBytes).catch(() => undefined);
      return file?.bytes.toString("utf8") ?? "";
    }),
  );
  return texts.flatMap((text) => [...text.matchAll(reference)].map((match) => match[1] ?? ""));
}
