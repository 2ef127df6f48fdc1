/** Warning about replaced files: no command replaces the user's files silently. */
import type { Log } from "../context.ts";
import { listed } from "../model/listed.ts";

const maxNames = 5;

/** Runs `work`, and warns of the reported files; also after a failure of `work`. */
export async function tellingReplaced<T>(
  log: Log,
  work: (onReplaced: (path: string) => void) => Promise<T>,
): Promise<T> {
  const paths: string[] = [];
  try {
    return await work((path) => paths.push(path));
  } finally {
    const count = paths.length;
    if (count > 0)
      log.warn(`replaced ${count === 1 ? "an existing file" : `${count} existing files`}: ${listed(paths, maxNames)}`);
  }
}
