/**
 * Changes a text file that other processes change at the same time: every change is in it at the end.
 *
 * Read, changed and replaced under a claim. What does not know of claims, such as an editor, is noticed by the text that is there right before
 * the rename.
 */
import { createHash, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access, lstat, open, readdir, realpath, rename, rm, stat, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Context } from "../context.ts";
import { isErrno, LocalIoError, localIoError } from "../errors.ts";
import { acquireClaim, type Claim } from "./claim.ts";
import { readRegularFile } from "./regular-file.ts";

/** Locks of real projects have some 100 KB. */
const maxBytes = 64 * 1024 * 1024;

/** @returns undefined when there is no such file. @throws {LocalIoError} also for what is no file, or larger than any that is meant */
export async function readTextFile(path: string): Promise<string | undefined> {
  try {
    return (await readRegularFile(path, maxBytes)).bytes.toString("utf8");
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return undefined;
    throw localIoError(`read ${path}`, cause);
  }
}

function notAFile(path: string): LocalIoError {
  return new LocalIoError("LOCAL_IO", `${path} is not a file`, { hint: "name another file" });
}

/**
 * The file that `path` is, through links: they stay what they are.
 *
 * @throws {LocalIoError} a link that leads nowhere, what is no file, or a file that is read-only
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
    throw new LocalIoError("LOCAL_IO", `${path} is a link that leads nowhere`, {
      cause,
      hint: "make the file that it leads to, or remove the link",
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
      hint: "make it writable, or name another file",
    });
  }
  return target;
}

/** Says early, before any work, what `changeText` would say in the end. */
export async function checkWritable(path: string): Promise<void> {
  await writableTarget(path);
}

/**
 * @param change From the text now, undefined without a file, to what it shall be; called again when the file changes in between.
 *   The same text and undefined leave the file untouched.
 * @param isSecret It is readable by its owner alone afterwards, whatever it was.
 * @throws {LocalIoError} also `LOCK_BUSY`
 */
export async function changeText(
  path: string,
  change: (text: string | undefined) => string | undefined,
  context: Context,
  signal: AbortSignal,
  isSecret = false,
): Promise<void> {
  const target = await writableTarget(path);
  const claimPath = join(dirname(target), `.${basename(target)}.lock`);
  for (let isDone = false; !isDone; ) {
    const claim = await acquireClaim(claimPath, path, context, signal);
    try {
      const found = await readTextFile(target);
      const text = change(found);
      isDone = text === undefined || text === found || (await replace(target, found, text, isSecret, claim));
    } catch (cause) {
      throw localIoError(`write ${path}`, cause);
    } finally {
      await claim.release();
    }
  }
}

/** The beginning of a staged file's name, which no other program uses. The hash is there since the name may be cut short. */
function stagedStem(target: string): string {
  const name = basename(target);
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return `.${name.slice(0, 64)}.${hash}.buck2-oras-`;
}

/** Removes what a killed process staged: whoever has the claim is the only one at work. It is a courtesy, and never a reason to fail. */
async function removeAbandoned(target: string): Promise<void> {
  const folder = dirname(target);
  const stem = stagedStem(target);
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(stem) || !/^[0-9a-f]{12}$/.test(name.slice(stem.length))) continue;
    // A folder or a link stays: it is not ours.
    const path = join(folder, name);
    const found = await lstat(path).catch(() => undefined);
    if (found?.isFile()) await unlink(path).catch(() => {});
  }
}

/** @returns False when somebody else was in between: nothing was written. */
async function replace(
  target: string,
  found: string | undefined,
  text: string,
  isSecret: boolean,
  claim: Claim,
): Promise<boolean> {
  await removeAbandoned(target);
  const staged = join(dirname(target), `${stagedStem(target)}${randomBytes(6).toString("hex")}`);
  try {
    const handle = await open(staged, "wx", isSecret ? 0o600 : 0o644);
    try {
      await handle.writeFile(text);
      if (found !== undefined) {
        const { uid, gid, mode } = await stat(target);
        // Only root can give a file away; the group may be one of one's own.
        await handle.chown(uid, gid).catch(() => handle.chown(-1, gid).catch(() => {}));
        await handle.chmod(isSecret ? 0o600 : mode & 0o777);
      }
      // A machine that loses its power must not have an empty file under the name.
      await handle.sync();
    } finally {
      await handle.close();
    }
    const isUnchanged = (await readTextFile(target)) === found && (await claim.isHeld());
    if (isUnchanged) await rename(staged, target);
    return isUnchanged;
  } finally {
    await rm(staged, { force: true }).catch(() => {});
  }
}
