/** Removal of installed tools that nobody used for a month: each update of a lock leaves the old tool behind. */
import { readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../context.ts";

/** The file whose time is the time of the tool's last use, with a precision of an hour. */
export const recordName = "buck2-oras-tool.json";

const hourMs = 3600 * 1000;
const maxUnusedMs = 30 * 24 * hourMs;

/** Best effort: a read-only folder keeps its tools. */
export async function noteUse(record: string, { now }: Context): Promise<void> {
  const seconds = (Math.floor(now() / hourMs) * hourMs) / 1000;
  await utimes(record, seconds, seconds).catch(() => {});
}

/** The form of the names of installed tools' folders. */
const folderName = /^[A-Za-z0-9_][A-Za-z0-9_.+-]*-[0-9a-f]{40}$/;

/** @param parent Folder of the installed tools; a missing folder holds none. */
export async function countInstalled(parent: string): Promise<number> {
  return (await readdir(parent).catch(() => [])).filter((name) => folderName.test(name)).length;
}

/** Removes only folders with this module's form of name and a record. Best effort: never throws. */
export async function removeUnused(parent: string, { now, log }: Context): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    if (!folderName.test(name)) continue;
    const folder = join(parent, name);
    const record = await stat(join(folder, recordName)).catch(() => undefined);
    if (record === undefined || now() - record.mtimeMs < maxUnusedMs) continue;
    await rm(folder, { recursive: true, force: true }).catch(() => {});
    log.debug(`removed ${folder}, which nobody used for 30 days`);
  }
}
