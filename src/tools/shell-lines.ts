/** Lines that put a folder in front of the PATH, for each shell. */
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { printable } from "../printable.ts";
import { fishWord, posixWord, powershellWord } from "./quoting.ts";

export const shells = ["bash", "zsh", "sh", "fish", "powershell", "direnv", "github"] as const;
export type Shell = (typeof shells)[number];

/**
 * The form of the lines for a user who names none.
 *
 * @param user The user's shell; undefined if unknown.
 */
export function defaultShell(user: string | undefined, { os }: Pick<Context, "os">): Shell {
  // Shims of Windows are batch files, which POSIX shells there do not find.
  if (os === "win32") return "powershell";
  if (user === undefined) return "sh";
  return shells.find((shell) => shell === user) ?? (user === "pwsh" ? "powershell" : "sh");
}

/** @throws {UsageError} a shell that does not find the system's shims */
export function checkShell(shell: Shell, { os }: Pick<Context, "os">): void {
  if (os !== "win32" || shell === "powershell" || shell === "github") return;
  throw new UsageError("USAGE_INVALID", `the shims of Windows are batch files, which ${shell} does not find`, {
    hint: "use PowerShell, or start a tool by `buck2-oras run TOOL ARGS`",
  });
}

/**
 * @param folder Absolute path.
 * @param lock Absolute path; direnv reads the environment again when it changes.
 * @throws {UsageError} the PATH, a line or a terminal cannot hold the folder's name
 */
export function shellLines(shell: Shell, folder: string, lock: string): readonly string[] {
  const isUnfit = [folder, lock].some((path) => printable(path) !== path);
  const holdsColon = folder.replace(/^[A-Za-z]:(?=[\\/])/, "").includes(":");
  if (isUnfit || holdsColon) {
    throw new UsageError("USAGE_INVALID", `the PATH cannot hold the folder ${folder}`, {
      hint: "set BUCK2_ORAS_TOOLS_DIR to a path without `:` and control characters",
    });
  }
  switch (shell) {
    case "fish":
      return [`contains -- ${fishWord(folder)} $PATH; or set -gx PATH ${fishWord(folder)} $PATH`];
    case "powershell":
      return [`$env:PATH = ${powershellWord(folder)} + [IO.Path]::PathSeparator + $env:PATH`];
    case "direnv":
      return [`watch_file ${posixWord(lock)}`, `PATH_add ${posixWord(folder)}`];
    case "github":
      return [folder];
    case "bash":
    case "zsh":
    case "sh":
      // Twice evaluated, the folder is there once.
      return [`case ":$PATH:" in *:${posixWord(folder)}:*) ;; *) export PATH=${posixWord(folder)}:"$PATH" ;; esac`];
  }
}
