/** Files of an artifact that could be the tool, and the choice among them. Publishers choose every name. */
import type { ProgramKind } from "../archive/executable.ts";
import type { ListedEntry } from "../archive/list.ts";
import type { LockPlatform } from "../lockfile/schema.ts";

export interface ToolFile {
  /** Path in the artifact, as `pull` places the artifact. */
  readonly path: string;
  /** Kind by the bytes; `mode`: only the archive's mode says that the file is executable; undefined: data. */
  readonly evidence: ProgramKind | "mode" | undefined;
  /** True for a link to another file of the artifact. */
  readonly isLink: boolean;
}

/** Shared libraries, plugins and object files have the bytes of a program. */
const library = /\.(?:so(?:\.[0-9]+)*|dylib|bundle|dll|pyd|node|o|a|ko)$/i;

/** Metadata that macOS adds to archives: `__MACOSX/` and `._NAME`, in the AppleDouble format. */
function isAppleDouble(path: string): boolean {
  return path.split("/").some((part) => part === "__MACOSX" || part.startsWith("._"));
}

export function isLibrary(path: string): boolean {
  return library.test(path);
}

/** The files and the links to files, without libraries and metadata of macOS. */
export function toolFilesIn(entries: readonly ListedEntry[]): readonly ToolFile[] {
  const files = entries.filter(({ kind }) => kind === "file");
  // Some archives mark every file, such as those that were packed on a file system without modes.
  const haveModes = files.length === 1 || files.some(({ isMarked }) => !isMarked);
  return entries
    .filter(({ kind, linkedFile, path }) => {
      const isFile = kind === "file" || linkedFile !== undefined;
      return isFile && !isAppleDouble(path) && !isLibrary(path);
    })
    .map(({ path, program, isMarked, linkedFile }) => {
      const isWindowsProgram = path.toLowerCase().endsWith(".exe");
      const evidence = program ?? (isWindowsProgram ? "binary" : isMarked && haveModes ? "mode" : undefined);
      return { path, evidence, isLink: linkedFile !== undefined };
    });
}

/** @returns Path of the folder `include`, at the top or below one leading folder. */
export function includeIn(entries: readonly ListedEntry[]): string | undefined {
  for (const { path } of entries) {
    const found = isAppleDouble(path) ? undefined : /^(?:[^/]+\/)?include(?=\/)/.exec(path)?.[0];
    if (found !== undefined) return found;
  }
  return undefined;
}

function only<T>(items: readonly T[]): T | undefined {
  return items.length === 1 ? items[0] : undefined;
}

/** Names of the tool's file, the likelier name first. */
function namesFor(name: string, platform: LockPlatform): readonly string[] {
  return platform.startsWith("windows-") ? [`${name}.exe`, name] : [name, `${name}.exe`];
}

/** Folders above a file. A last folder `bin` is not counted: `bin/tool` is as near as `tool`. */
function depthOf(path: string): number {
  const folders = path.split("/").slice(0, -1);
  return folders.length - (folders.at(-1) === "bin" ? 1 : 0);
}

/** The nearest to the top; at one depth, the file in `bin`. */
function nearest(files: readonly ToolFile[]): ToolFile | undefined {
  const isInBin = ({ path }: ToolFile): number => (/(?:^|\/)bin\/[^/]+$/.test(path) ? 0 : 1);
  return files.toSorted((a, b) => depthOf(a.path) - depthOf(b.path) || isInBin(a) - isInBin(b))[0];
}

/** The nearest file with one of the names. */
function nearestNamed(files: readonly ToolFile[], names: readonly string[]): ToolFile | undefined {
  for (const name of names) {
    const found = nearest(files.filter(({ path }) => path.split("/").at(-1) === name));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Programs that could be the tool: the binaries; without binaries the scripts, or the files with an executable mode. */
export function candidatesIn(files: readonly ToolFile[]): readonly ToolFile[] {
  const own = files.filter(({ isLink }) => !isLink);
  for (const kind of ["binary", "script", "mode"] as const) {
    const found = own.filter(({ evidence }) => evidence === kind);
    if (found.length > 0) return found;
  }
  return [];
}

/**
 * Chooses the program with exactly the tool's name, with `.exe` for Windows, in any folder; else the only program. A
 * file without a sign of a program is chosen by its name last: `completions/tool` is often a file for a shell.
 *
 * @returns Undefined without a clear choice.
 */
export function chooseTool(files: readonly ToolFile[], name: string, platform: LockPlatform): string | undefined {
  const names = namesFor(name, platform);
  const withEvidence = (...kinds: readonly ToolFile["evidence"][]): readonly ToolFile[] =>
    files.filter(({ evidence }) => kinds.includes(evidence));
  const found =
    nearestNamed(withEvidence("binary", "script"), names) ??
    nearestNamed(withEvidence("mode"), names) ??
    only(candidatesIn(files)) ??
    (files.length > 1 ? nearestNamed(files, names) : undefined);
  return found?.path;
}

/**
 * Finds the file that a person or a publisher stated.
 *
 * @param stated Path in the artifact, or the end of the path: leading folders often have a version or a platform in
 *   their names. `.exe` may be left out for Windows.
 */
export function findStated(files: readonly ToolFile[], stated: string, platform: LockPlatform): string | undefined {
  const wanted = stated.replace(/^(?:\.\/)+/, "");
  for (const path of namesFor(wanted, platform)) {
    if (files.some((file) => file.path === path)) return path;
    const found = nearest(files.filter((file) => file.path.endsWith(`/${path}`)));
    if (found !== undefined) return found.path;
  }
  return undefined;
}
