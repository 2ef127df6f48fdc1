/** Patience with files that other programs hold open for moments. */
import { platform } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { isErrno } from "../errors.ts";

/** Waits between the tries, 1.3 s in all. */
const waitsMs = [10, 40, 150, 400, 700];

/**
 * Renames or removes a file or folder. Windows replaces and removes no file that is open, and virus scanners and
 * indexers open each new file for a moment: the change is tried again there.
 *
 * @throws the error of the last try
 */
export async function patiently<T>(change: () => Promise<T>): Promise<T> {
  const waits = platform() === "win32" ? waitsMs : [];
  for (const waitMs of waits) {
    try {
      return await change();
    } catch (cause) {
      if (!["EPERM", "EACCES", "EBUSY", "ENOTEMPTY"].some((code) => isErrno(cause, code))) throw cause;
      await delay(waitMs);
    }
  }
  return await change();
}
