/**
 * Metadata of a TUF repository that was seen last. It lies beside the user's configuration, never in the cache: a repository must not
 * go back to older metadata, and a checkout can bring a cache.
 */
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { isErrno, localIoError } from "../errors.ts";
import { changeText, readTextFile } from "../files/change-text.ts";

/** The root first: the others are checked against the root. */
const names = ["root.json", "timestamp.json", "snapshot.json", "targets.json"] as const;

/** A file that is damaged is older than any other: TUF fetches it again. */
function versionOf(text: string | undefined): number {
  try {
    const version = Number(JSON.parse(text ?? "").signed.version);
    return Number.isSafeInteger(version) ? version : 0;
  } catch {
    return 0;
  }
}

/** Copies what is kept in `kept` into `folder`; a first root that lies there stays where none is kept. */
export async function takeKept(kept: string, folder: string): Promise<void> {
  for (const name of names) {
    const from = join(kept, name);
    await copyFile(from, join(folder, name)).catch((error: unknown) => {
      if (!isErrno(error, "ENOENT")) throw localIoError(`read ${from}`, error);
    });
  }
}

/** Keeps the metadata in `folder`, but never instead of newer metadata that another process has kept meanwhile. */
export async function keep(folder: string, kept: string, context: Context, signal: AbortSignal): Promise<void> {
  await mkdir(kept, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw localIoError(`create ${kept}`, cause);
  });
  for (const name of names) {
    const text = await readFile(join(folder, name), "utf8");
    const version = versionOf(text);
    const newer = (now: string | undefined): string | undefined => (versionOf(now) > version ? undefined : text);
    await changeText({ path: join(kept, name), isSecret: false }, newer, context, signal);
  }
}

/** True if something in `kept` is newer than in `folder`. */
export async function isOvertaken(folder: string, kept: string): Promise<boolean> {
  for (const name of names) {
    const [own, now] = [await readTextFile(join(folder, name)), await readTextFile(join(kept, name))];
    if (versionOf(now) > versionOf(own)) return true;
  }
  return false;
}
