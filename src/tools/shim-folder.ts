/** A folder of shims: what to write, what to remove, and what is somebody else's. */
import { lstat, readdir, readFile, realpath, unlink, writeFile } from "node:fs/promises";
import { dirname, extname, join, resolve } from "node:path";
import { programsNamed } from "../config/path-commands.ts";
import type { Context } from "../context.ts";
import { isErrno, LocalIoError, localIoError, UsageError } from "../errors.ts";
import { makeFolder } from "../files/folder.ts";
import { placeAtomically } from "../files/place.ts";
import { readRegularFile } from "../files/regular-file.ts";
import { isLockedPath } from "../lockfile/schema.ts";
import { type Launcher, parseShim, type Shim, type ShimCall, shimName, shimText } from "./shim-text.ts";

export interface ShimFolderRequest {
  /** Absolute path; created if missing. */
  readonly folder: string;
  /** Absolute path of the lock. */
  readonly lock: string;
  /** Tools that get a shim. */
  readonly tools: readonly string[];
  /** All tools of the lock: a shim of another tool is removed. */
  readonly locked: readonly string[];
  readonly call: ShimCall;
  /** True: a shim may hide another program of the PATH. */
  readonly mayHide: boolean;
}

export interface ShimFolder {
  readonly written: readonly string[];
  readonly unchanged: readonly string[];
  readonly removed: readonly string[];
  /** Tools without a shim: it would hide a program of the PATH. */
  readonly leftOut: readonly string[];
}

/** Shims have about 1 KB; a longer file is no shim. */
const maxShimBytes = 64 * 1024;

/** @returns The file's text if the file is a shim of any lock; `missing`; `foreign` for anything else. */
async function lookAt(path: string): Promise<{ readonly text: string; readonly shim: Shim } | "missing" | "foreign"> {
  try {
    if (!(await lstat(path)).isFile()) return "foreign";
    const text = (await readRegularFile(path, maxShimBytes)).bytes.toString("utf8");
    const shim = parseShim(text);
    return shim === undefined ? "foreign" : { text, shim };
  } catch (cause) {
    return isErrno(cause, "ENOENT") ? "missing" : "foreign";
  }
}

/** Refuses names that mean another file somewhere, or one file together. @throws {UsageError} */
export function checkFileNames(tools: readonly string[], os: string): void {
  const seen = new Map<string, string>();
  for (const tool of tools) {
    const name = shimName(tool, os);
    const twin = seen.get(name.toLowerCase());
    seen.set(name.toLowerCase(), tool);
    if (twin === undefined && isLockedPath(name)) continue;
    const why = twin === undefined ? "is no file name on every system" : `and ${twin} are one file on some systems`;
    throw new UsageError("USAGE_INVALID", `${tool} ${why}`, {
      hint: "name the wanted tools, or lock the tool under another name",
    });
  }
}

/** Programs of the PATH that a shim hides; another shim of the same lock is the same program. */
async function hiddenBy(
  name: string,
  { folder, lock }: Pick<ShimFolderRequest, "folder" | "lock">,
  context: Context,
): Promise<readonly string[]> {
  const here = await realpath(folder).catch(() => folder);
  const found = await programsNamed(name, context);
  const others = await Promise.all(
    found.map(async (path) => {
      const isHere = (await realpath(dirname(path)).catch(() => dirname(path))) === here;
      if (isHere) return [];
      const look = await lookAt(path);
      return typeof look === "string" || look.shim.lock !== lock ? [path] : [];
    }),
  );
  return others.flat();
}

/** The first program of the PATH that each tool's shim hides; tools that hide nothing are missing. */
async function hiddenPrograms(
  tools: readonly string[],
  request: ShimFolderRequest,
  context: Context,
): Promise<ReadonlyMap<string, string>> {
  const found = await Promise.all(
    tools.map(async (tool) => [tool, (await hiddenBy(tool, request, context))[0]] as const),
  );
  return new Map(found.flatMap(([tool, path]) => (path === undefined ? [] : [[tool, path]])));
}

/**
 * Finds the new shims that would hide a program, which need the user's word. Older shims stay, with a warning: the user
 * may have named them, and the program may have come onto the PATH since.
 *
 * @returns Tools to leave out.
 */
async function hidingTools(
  { isNew, older }: { readonly isNew: readonly string[]; readonly older: readonly string[] },
  request: ShimFolderRequest,
  context: Context,
): Promise<readonly string[]> {
  const stillHidden = [...(await hiddenPrograms(older, request, context)).values()];
  if (stillHidden.length > 0) {
    context.log.warn(`shims hide programs of your PATH: ${stillHidden.join(", ")}; with --shadow, nothing is said`);
  }
  const hidden = await hiddenPrograms(isNew, request, context);
  if (hidden.size > 0) {
    const named = Array.from(hidden, ([tool, path]) => `${tool} (${path})`).join(", ");
    context.log.warn(
      `left out, since a shim would hide a program of your PATH: ${named}; to let it, name the tool or add --shadow`,
    );
  }
  return [...hidden.keys()];
}

/**
 * Brings a folder of shims up to date. All obstacles are found before the first write.
 *
 * @throws {LocalIoError} a file in a shim's place that is not a shim of this lock
 */
export async function writeShims(request: ShimFolderRequest, context: Context): Promise<ShimFolder> {
  const { folder, lock, tools, locked, call, mayHide } = request;
  const { os } = context;
  checkFileNames(tools, os);
  const found = await Promise.all(
    tools.map(async (tool) => {
      const path = join(folder, shimName(tool, os));
      return { tool, path, text: shimText({ tool, lock }, call, os), found: await lookAt(path) };
    }),
  );
  for (const { path, found: look } of found) {
    if (look === "missing" || (look !== "foreign" && look.shim.lock === lock)) continue;
    const what = look === "foreign" ? "is not a shim" : `is a shim of another lock, ${look.shim.lock}`;
    throw new LocalIoError("LOCAL_IO", `${path} ${what}; nothing was written`, {
      hint: "name another folder, or remove this file yourself",
    });
  }
  const isNew = found.filter(({ found: look }) => look === "missing").map(({ tool }) => tool);
  const older = tools.filter((tool) => !isNew.includes(tool));
  const leftOut = mayHide ? [] : await hidingTools({ isNew, older }, request, context);
  const wanted = found.filter(({ tool }) => !leftOut.includes(tool));
  await makeShimFolder(folder, context);
  const changed = wanted.filter(({ found: look, text }) => typeof look === "string" || look.text !== text);
  for (const { path, text } of changed) {
    await placeAtomically(path, async (staged) => {
      await writeFile(staged, text);
      return { mode: 0o755 };
    });
  }
  const unchanged = wanted.filter((one) => !changed.includes(one)).map(({ tool }) => tool);
  const removed = await removeGone(folder, lock, locked);
  return { written: changed.map(({ tool }) => tool), unchanged, removed, leftOut };
}

/** A new folder in a checkout gets a `.gitignore`: its scripts hold paths of this machine. */
async function makeShimFolder(folder: string, context: Context): Promise<void> {
  try {
    const topmost = await makeFolder(folder);
    if (topmost === undefined) return;
    await writeFile(join(folder, ".gitignore"), "# Shims hold paths of one machine.\n*\n", { flag: "wx" });
    context.log.debug(`created ${resolve(folder)}`);
  } catch (cause) {
    throw localIoError(`create ${folder}`, cause);
  }
}

/** Removes the shims of tools that left the lock; other files and shims of other locks stay. */
async function removeGone(folder: string, lock: string, locked: readonly string[]): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await lookAt(path);
    if (typeof found === "string" || found.shim.lock !== lock || locked.includes(found.shim.tool)) continue;
    await unlink(path).catch((cause: unknown) => {
      throw localIoError(`remove ${path}`, cause);
    });
    removed.push(found.shim.tool);
  }
  return removed;
}

/**
 * A launcher that outlives the checkout: a copy of the executable (bundle or program), if it is in `buck-out`.
 *
 * @param openFolder Opens the folder of the copy.
 */
export async function lastingLauncher(launcher: Launcher, openFolder: () => Promise<string>): Promise<Launcher> {
  const executable = launcher.at(-1);
  if (executable === undefined || !executable.split(/[\\/]/).includes("buck-out")) return launcher;
  const copy = join(await openFolder(), `buck2-oras${extname(executable)}`);
  try {
    const bytes = await readFile(executable);
    const isSame = await readFile(copy).then(
      (found) => found.equals(bytes),
      () => false,
    );
    if (!isSame) {
      await placeAtomically(copy, async (staged) => {
        await writeFile(staged, bytes);
        return { mode: 0o755 };
      });
    }
  } catch (cause) {
    throw localIoError(`copy the executable to ${copy}`, cause);
  }
  return [...launcher.slice(0, -1), copy];
}
