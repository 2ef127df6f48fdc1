/** Variables that a client's configuration names, mostly for tokens. The names are free: no fixed list has them. */
import { readRegularFile } from "../files/regular-file.ts";

const maxBytes = 8 * 1024 * 1024;

/**
 * @param paths The user's own files; missing files are skipped.
 * @param reference Global pattern; its first group is the name.
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
