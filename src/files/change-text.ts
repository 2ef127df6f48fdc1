/**
 * Changes of text files under concurrent writers; no writer's change is lost.
 *
 * A file is read, changed and replaced under a claim. Programs without claims, such as editors, are detected by
 * comparing the text right before the rename.
 */
import { createHash, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access, lstat, open, readdir, realpath, rename, rm, stat, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Context } from "../context.ts";
import { isErrno, LocalIoError, localIoError } from "../errors.ts";
import { acquireClaim, type Claim } from "./claim.ts";
import { patiently } from "./patience.ts";
import { readRegularFile } from "./regular-file.ts";

/** Lock files of real projects have about 100 KB. */
const maxBytes = 64 * 1024 * 1024;

/**
 * @param limit In bytes.
 * @returns undefined for a missing file.
 * @throws {LocalIoError} also for anything but a regular file, and for a larger file
 */
export async function readTextFile(path: string, limit = maxBytes): Promise<string | undefined> {
  try {
    return (await readRegularFile(path, limit)).bytes.toString("utf8");
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return undefined;
    throw localIoError(`read ${path}`, cause);
  }
}

function notAFile(path: string): LocalIoError {
  return new LocalIoError("LOCAL_IO", `${path} is not a regular file`, { hint: "name another file" });
}

/**
 * The file behind `path`; links are followed, so that the rename does not replace a link.
 *
 * @throws {LocalIoError} a broken link, not a regular file, or a read-only file
 */
async function writableTarget(path: string): Promise<string> {
  try {
    if ((await lstat(path)).isSymbolicLink() === false) return await checkTarget(path, resolve(path));
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return resolve(path);
    throw localIoError(`write ${path}`, cause);
  }
  try {
    return await checkTarget(path, await realpath(path));
  } catch (cause) {
    if (!isErrno(cause, "ENOENT")) throw localIoError(`write ${path}`, cause);
    throw new LocalIoError("LOCAL_IO", `${path} is a broken link`, {
      cause,
      hint: "create the link's target, or remove the link",
    });
  }
}

async function checkTarget(path: string, target: string): Promise<string> {
  if (!(await lstat(target)).isFile()) throw notAFile(path);
  try {
    await access(target, constants.W_OK);
  } catch (cause) {
    throw new LocalIoError("PERMISSION_DENIED", `${path} is read-only`, {
      cause,
      hint: "make the file writable, or name another file",
    });
  }
  return target;
}

/** Checks early for the errors that `changeText` would throw at the end. */
export async function checkWritable(path: string): Promise<void> {
  const folder = dirname(await writableTarget(path));
  try {
    if ((await stat(folder)).isDirectory()) return;
  } catch (cause) {
    if (!isErrno(cause, "ENOENT") && !isErrno(cause, "ENOTDIR")) throw localIoError(`write ${path}`, cause);
  }
  throw new LocalIoError("LOCAL_IO", `${path} cannot be written: its folder does not exist`, {
    hint: "create the folder, or correct the path",
  });
}

export interface TextFile {
  readonly path: string;
  /** After a change, the file is readable by its owner alone. */
  readonly isSecret: boolean;
}

/**
 * Replaces a file's text; the file keeps its owner and mode as far as the user may set them.
 *
 * @param change Maps the current text, undefined for a missing file, to the new text. Called again after a concurrent
 *   change. The same text and undefined leave the file untouched.
 * @throws {LocalIoError} also `LOCK_BUSY`
 */
export async function changeText(
  { path, isSecret }: TextFile,
  change: (text: string | undefined) => string | undefined,
  context: Context,
  signal: AbortSignal,
): Promise<void> {
  const target = await writableTarget(path);
  const claimPath = join(dirname(target), `.${basename(target)}.lock`);
  for (let isDone = false; !isDone; ) {
    const claim = await acquireClaim(claimPath, path, context, signal);
    try {
      const found = await readTextFile(target);
      const text = change(found);
      isDone = text === undefined || text === found || (await replace(target, { found, text, isSecret }, claim));
    } catch (cause) {
      throw localIoError(`write ${path}`, cause);
    } finally {
      await claim.release();
    }
  }
}

/** The unique beginning of a staged file's name. The hash tells long names apart, whose readable part is truncated. */
function stagedStem(target: string): string {
  const name = basename(target);
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return `.${name.slice(0, 64)}.${hash}.buck2-oras-`;
}

/** Removes staged files of killed processes; the claim excludes live writers. Best effort: never throws. */
async function removeAbandoned(target: string): Promise<void> {
  const folder = dirname(target);
  const stem = stagedStem(target);
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(stem) || !/^[0-9a-f]{12}$/.test(name.slice(stem.length))) continue;
    // Staged files are regular files: a folder or a link of this name is foreign.
    const path = join(folder, name);
    const found = await lstat(path).catch(() => undefined);
    if (found?.isFile()) await unlink(path).catch(() => {});
  }
}

interface Replacement {
  /** The text that `text` was derived from; undefined for a missing file. */
  readonly found: string | undefined;
  readonly text: string;
  readonly isSecret: boolean;
}

/** @returns False after a concurrent change; nothing was written. */
async function replace(target: string, { found, text, isSecret }: Replacement, claim: Claim): Promise<boolean> {
  await removeAbandoned(target);
  const staged = join(dirname(target), `${stagedStem(target)}${randomBytes(6).toString("hex")}`);
  try {
    const handle = await open(staged, "wx", isSecret ? 0o600 : 0o644);
    try {
      await handle.writeFile(text);
      if (found !== undefined) {
        const { uid, gid, mode } = await stat(target);
        // Only root can change the owner; a user can set any of their own groups.
        await handle.chown(uid, gid).catch(() => handle.chown(-1, gid).catch(() => {}));
        await handle.chmod(isSecret ? 0o600 : mode & 0o777);
      }
      // Without the sync, a power failure could leave an empty file under the name.
      await handle.sync();
    } finally {
      await handle.close();
    }
    const isUnchanged = (await readTextFile(target)) === found && (await claim.isHeld());
    if (isUnchanged) await patiently(() => rename(staged, target));
    return isUnchanged;
  } finally {
    await rm(staged, { force: true }).catch(() => {});
  }
}
