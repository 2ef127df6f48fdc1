/** Files of a project that `init` creates or extends. */
import { constants } from "node:fs";
import { access, lstat } from "node:fs/promises";
import { dirname, relative, sep } from "node:path";
import { leadsInside } from "../config/inside.ts";
import { isErrno } from "../errors.ts";
import { readTextFile } from "../files/change-text.ts";

/** A file as found. The text has `\n` as line ends. */
export interface FoundFile {
  /** Absolute path. */
  readonly path: string;
  /** Path from the project's root, with `/`. */
  readonly name: string;
  /** Undefined for a missing file. */
  readonly text: string | undefined;
  readonly lineEnd: "\n" | "\r\n";
  /** Why the file must not be changed; undefined if it may be. */
  readonly obstacle: string | undefined;
}

/** A change of a file: existing lines stay, lines are added. */
export interface FileChange {
  readonly path: string;
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string;
}

/** Why the user has to change the file: a link's target, or what `init` cannot write, may be somebody else's. */
async function obstacleOf(path: string, root: string): Promise<string | undefined> {
  if (leadsInside(path, root) !== true) return "leads out of the project through a link";
  try {
    const stats = await lstat(path);
    if (stats.isSymbolicLink()) return "is a link";
    if (!stats.isFile()) return "is not a regular file";
    const isWritable = (stats.mode & 0o222) !== 0 && (await isAllowed(path));
    return isWritable ? undefined : "is read-only";
  } catch (cause) {
    if (!isErrno(cause, "ENOENT")) return "cannot be read";
    const folder = await existing(dirname(path));
    return (await isAllowed(folder)) ? undefined : `cannot be created: ${folder} is read-only`;
  }
}

async function existing(folder: string): Promise<string> {
  const isThere = await lstat(folder).then(
    () => true,
    () => false,
  );
  return isThere || dirname(folder) === folder ? folder : await existing(dirname(folder));
}

async function isAllowed(path: string): Promise<boolean> {
  return await access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
}

export async function findFile(path: string, root: string): Promise<FoundFile> {
  const name = relative(root, path).split(sep).join("/");
  const obstacle = await obstacleOf(path, root);
  const text = await readTextFile(path).catch(() => undefined);
  const isText = text === undefined || !/[\0\ufffd]/.test(text);
  const lineEnd = text?.includes("\r\n") === true ? "\r\n" : "\n";
  return {
    path,
    name,
    text: text?.replaceAll("\r\n", "\n"),
    lineEnd,
    obstacle: obstacle ?? (isText ? undefined : "is not UTF-8 text"),
  };
}

/** @returns undefined if nothing changes. */
export function changeOfFile({ path, name, text, lineEnd }: FoundFile, after: string): FileChange | undefined {
  if (after === (text ?? "")) return undefined;
  const ended = (one: string): string => one.replaceAll("\n", lineEnd);
  return { path, name, before: text === undefined ? undefined : ended(text), after: ended(after) };
}
