/** Files of a project that `init` creates or extends. */
import { constants } from "node:fs";
import { access, lstat } from "node:fs/promises";
import { dirname, relative, sep } from "node:path";
import { isVersionControl } from "../archive/existing.ts";
import { leadsInside, realLocation } from "../config/inside.ts";
import { isErrno } from "../errors.ts";
import { readTextFile } from "../files/change-text.ts";
import { type LineEnd, usualLineEnd, withOwnLineEnds } from "./line-ends.ts";

/** Build files and configurations of real projects have a few KB. */
export const maxFileBytes = 1024 * 1024;

/** A file as found. */
export interface FoundFile {
  /** Absolute path. */
  readonly path: string;
  /** Path from the project's root, with `/`. */
  readonly name: string;
  /** With `\n` as line ends; undefined for a missing file. */
  readonly text: string | undefined;
  /** With the file's own line ends. */
  readonly before: string | undefined;
  /** Line end of added lines. */
  readonly lineEnd: LineEnd;
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

/** True for a file of version control, such as a hook, that is reached by its name or through links. */
function isOfVersionControl(path: string, root: string): boolean {
  const [real, realRoot] = [realLocation(path) ?? path, realLocation(root) ?? root];
  return [relative(root, path), relative(realRoot, real)].some((way) => isVersionControl(way.split(sep)));
}

/** Why the user has to change the file: a link's target, or what `init` cannot write, may be somebody else's. */
async function obstacleOf(path: string, root: string): Promise<string | undefined> {
  if (leadsInside(path, root) !== true) return "leads out of the project through a link";
  if (isOfVersionControl(path, root)) return "is in a folder of version control, whose files may be run";
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
  const read = await readTextFile(path, maxFileBytes).catch(() => null);
  const before = read ?? undefined;
  const unread = read === null ? "cannot be read, or is larger than 1 MiB" : undefined;
  const notText = before !== undefined && /[\0\ufffd]/.test(before) ? "is not UTF-8 text" : undefined;
  return {
    path,
    name,
    before,
    text: before?.replaceAll("\r\n", "\n"),
    lineEnd: usualLineEnd(before ?? ""),
    obstacle: obstacle ?? unread ?? notText,
  };
}

/** @returns undefined if nothing changes. */
export function changeOfFile(file: FoundFile, after: string): FileChange | undefined {
  const { path, name, text, before, lineEnd } = file;
  if (after === (text ?? "")) return undefined;
  return { path, name, before, after: withOwnLineEnds(before ?? "", after, lineEnd) };
}
