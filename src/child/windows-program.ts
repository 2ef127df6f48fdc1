/**
 * Start of programs on Windows. Node leaves two things to the caller there:
 *
 * - Node looks for a bare name in the working folder before the PATH, and finds `.exe` and `.com` alone. npm, Maven and
 *   many credential helpers are `.cmd` files.
 * - Node starts `.cmd` and `.bat` files only by a shell (CVE-2024-27980), and leaves the quoting to the caller.
 */
import { stat } from "node:fs/promises";
import { win32 } from "node:path";

export interface Start {
  readonly program: string;
  readonly args: readonly string[];
  /** True if `args` are quoted already. */
  readonly isVerbatim: boolean;
}

/** Suffixes that can be started without another program's help. Other suffixes of `PATHEXT` are scripts of hosts. */
const startable: ReadonlySet<string> = new Set([".com", ".exe", ".bat", ".cmd"]);
const defaultSuffixes = ".COM;.EXE;.BAT;.CMD";

/** Value of a variable; names ignore case on Windows. */
function variable(env: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.entries(env).find(([key]) => key.toUpperCase() === name)?.[1];
}

/** Path of a program of Windows itself, wherever the PATH leads. */
export function systemProgram(name: string, env: Readonly<Record<string, string>>): string {
  return win32.join(variable(env, "SYSTEMROOT") ?? "C:\\Windows", "System32", name);
}

/** Absolute folders of the PATH: a relative or drive-relative one would lead into the working folder. */
function foldersOf(env: Readonly<Record<string, string>>): readonly string[] {
  const folders = (variable(env, "PATH") ?? "").split(";").map((folder) => folder.replace(/^"(.*)"$/, "$1"));
  return folders.filter((folder) => /^(?:[a-z]:[\\/]|\\\\)/i.test(folder));
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

/**
 * Finds a program as `cmd.exe` does, but never in the working folder.
 *
 * @param program A name for the PATH, or a path; the suffix may be missing.
 * @param cwd Start of a relative path.
 * @returns Undefined if there is no such program.
 */
async function findProgram(
  program: string,
  env: Readonly<Record<string, string>>,
  cwd: string,
): Promise<string | undefined> {
  const isPath = /[\\/:]/.test(program);
  const places = isPath ? [win32.resolve(cwd, program)] : foldersOf(env).map((folder) => win32.join(folder, program));
  const suffixes = (variable(env, "PATHEXT") ?? defaultSuffixes).toLowerCase().split(";");
  const usable = suffixes.filter((suffix) => startable.has(suffix));
  const endings = startable.has(win32.extname(program).toLowerCase()) ? ["", ...usable] : usable;
  for (const place of places) {
    for (const ending of endings) if (await isFile(place + ending)) return place + ending;
  }
  return undefined;
}

/**
 * An argument in quotes is one word to `cmd.exe`, and `&`, `|`, `<`, `>`, `^` and brackets mean nothing in it. A quote
 * would end the word, `%` names a variable even in quotes, and a line break ends the command.
 *
 * @throws {Error} one of these characters, which no quoting makes safe
 */
function quotedForCmd(text: string): string {
  if (/["%\r\n\0]/.test(text)) throw new Error(`${JSON.stringify(text)} cannot be passed to a .cmd file`);
  // A backslash before the closing quote would escape it for the program that the file starts.
  return `"${text.replace(/\\+$/, "$&$&")}"`;
}

/**
 * The program and arguments with which Node starts `program` on Windows.
 *
 * @throws {Error} with the code `ENOENT` for a missing program
 */
export async function windowsStart(
  program: string,
  args: readonly string[],
  { env, cwd }: { readonly env: Readonly<Record<string, string>>; readonly cwd: string },
): Promise<Start> {
  const found = await findProgram(program, env, cwd);
  if (found === undefined) throw Object.assign(new Error(`spawn ${program} ENOENT`), { code: "ENOENT" });
  if (!/\.(?:cmd|bat)$/i.test(found)) return { program: found, args, isVerbatim: false };
  const shell = systemProgram("cmd.exe", env);
  const line = [found, ...args].map(quotedForCmd).join(" ");
  // /d: no AutoRun commands of the registry; /v:off: `!` is no variable; /s: only the outer quotes are removed.
  return { program: shell, args: ["/d", "/v:off", "/s", "/c", `"${line}"`], isVerbatim: true };
}
