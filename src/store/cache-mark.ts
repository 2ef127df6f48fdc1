/** The mark of a cache's root folder: a tag, without which nothing is cleared, and the version of the cache's format. */
import type { Context } from "../context.ts";
import { ConfigurationError, isErrno } from "../errors.ts";
import type { HeldFolder } from "../files/held-folder.ts";
import { readHead } from "../files/opened-file.ts";
import { sharedBecause } from "../files/ownership.ts";

/** https://bford.info/cachedir/: backup programs skip the folder. */
export const tagName = "CACHEDIR.TAG";
const tag = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of buck2-oras.\n";
/** Format of the cache, higher in later releases. A cache without this file has format 1. */
const versionName = "version";
const version = 1;
const maxMarkBytes = 1024;

/**
 * True if the folder has this program's tag.
 *
 * @throws Node's `EACCES` for an unreadable tag
 */
export async function isMarkedCache(root: HeldFolder): Promise<boolean> {
  return (await readMark(root, tagName)) === tag;
}

/**
 * Marks a new or empty root. Called before the other folders are created, so that concurrent processes recognize the
 * cache.
 *
 * @throws {ConfigurationError} `CACHE_NEWER`
 */
export async function markCache(root: HeldFolder, context: Context): Promise<void> {
  const names = await root.names();
  const found = await readMark(root, tagName).catch(() => "");
  // A concurrent process may have written only a part of the tag; another user's tag may be unreadable.
  const isMarked = found !== undefined && tag.startsWith(found);
  if (names.length > 0 && !isMarked) {
    context.log.warn(
      `the cache ${root.path} was not empty: it gets no ${tagName}, and \`clear-cache\` will not clear it`,
    );
    return;
  }
  await checkCacheVersion(root, context.userId);
  const make = async (name: string, text: string): Promise<void> => {
    // Users who can read the root can read the mark.
    await root.writeNew(name, text, (root.stats.mode & 0o044) | 0o600).catch((cause: unknown) => {
      if (!isErrno(cause, "EEXIST")) throw cause;
    });
  };
  if (!names.includes(tagName)) await make(tagName, tag);
  if (!names.includes(versionName)) await make(versionName, `${version}\n`);
}

/** @throws {ConfigurationError} `CACHE_NEWER`: a later release made the cache */
export async function checkCacheVersion(root: HeldFolder, userId: number | undefined): Promise<void> {
  // In a shared cache, another writer could block every command by a high version.
  const isShared = (await sharedBecause(root.path, userId)) !== undefined;
  const text = isShared ? undefined : await readMark(root, versionName).catch(() => undefined);
  const found = text === undefined ? version : Number.parseInt(text, 10);
  if (!(found > version)) return;
  throw new ConfigurationError(
    "CACHE_NEWER",
    `the cache ${root.path} was created by a newer buck2-oras: its format is ${found}`,
    {
      hint: "update buck2-oras, or name another folder with --cache-dir or BUCK2_ORAS_CACHE_DIR",
    },
  );
}

/**
 * @returns undefined for a missing file and for anything but a file.
 * @throws Node's `EACCES` for an unreadable file
 */
async function readMark(root: HeldFolder, name: string): Promise<string | undefined> {
  const file = await root.openFile(name).catch((cause: unknown) => {
    if (isErrno(cause, "EACCES")) throw cause;
  });
  if (!file) return undefined;
  try {
    return Buffer.from(await readHead(file, maxMarkBytes)).toString("utf8");
  } finally {
    await file.handle.close();
  }
}
