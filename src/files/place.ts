/** Puts a file in its place in one step: staged beside it, then renamed. A reader sees the old file or the whole new one. */
import { randomBytes } from "node:crypto";
import { chmod, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { localIoError } from "../errors.ts";
import { makeFolder } from "./folder.ts";

/**
 * @param write Says the mode, which is set whatever the umask is.
 * @param name For messages.
 */
export async function placeAtomically(
  path: string,
  write: (stagedPath: string) => Promise<{ readonly mode: number }>,
  name = path,
): Promise<void> {
  const folder = dirname(path);
  const staged = join(folder, `.${basename(path).slice(0, 64)}.${randomBytes(6).toString("hex")}`);
  try {
    await makeFolder(folder);
    const { mode } = await write(staged);
    await chmod(staged, mode);
    await rename(staged, path);
  } catch (cause) {
    // It may never have been made: why it was not is the error, not that it is missing.
    await rm(staged, { force: true }).catch(() => {});
    throw localIoError(`write ${name}`, cause);
  }
}

/** Modes of placed files: they are the user's to change. */
export function placedMode(isExecutable: boolean): number {
  return isExecutable ? 0o755 : 0o644;
}
