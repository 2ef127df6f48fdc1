/** Says which of the user's files were replaced: no command does so without a word. */
import type { Log } from "../context.ts";

const maxNames = 5;

/** Runs `work`, and warns of what it reports as replaced; also when it fails half-way. */
export async function tellingReplaced<T>(
  log: Log,
  work: (onReplaced: (path: string) => void) => Promise<T>,
): Promise<T> {
  const paths: string[] = [];
  try {
    return await work((path) => paths.push(path));
  } finally {
    const count = paths.length;
    const names = [...paths.slice(0, maxNames), ...(count > maxNames ? ["…"] : [])].join(", ");
    if (count > 0) log.warn(`replaced ${count === 1 ? "a file that was" : `${count} files that were`} there: ${names}`);
  }
}
