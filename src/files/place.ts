/**
 * Atomic placement of files: staged beside the target, then renamed. A reader sees the old file or the whole new file.
 */
import { randomBytes } from "node:crypto";
import { chmod, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { localIoError } from "../errors.ts";
import { makeFolder } from "./folder.ts";
import { patiently } from "./patience.ts";

/**
 * Writes a file under a temporary name, then renames it to `path`. Creates missing folders.
 *
 * @param write Writes the staged file and returns its mode, applied regardless of the umask.
 * @param name Names the file in messages.
 * @throws {LocalIoError} nothing was placed; errors of the package from `write` pass through
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
    await patiently(() => rename(staged, path));
  } catch (cause) {
    // The staged file may not exist; a failed removal must not hide the cause.
    await rm(staged, { force: true }).catch(() => {});
    throw localIoError(`write ${name}`, cause);
  }
}

/** Mode of a placed file; writable by the user. */
export function placedMode(isExecutable: boolean): number {
  return isExecutable ? 0o755 : 0o644;
}
