/**
 * Text of shims: small scripts in a folder of the PATH that start a locked tool.
 *
 * The second line says that the file is a shim, of which tool and lock; nothing else is ever replaced or removed.
 */
import * as v from "valibot";
import { printableJson } from "../printable.ts";
import { cmdWord, posixWord } from "./quoting.ts";

export interface Shim {
  readonly tool: string;
  /** Absolute path. */
  readonly lock: string;
}

export interface ShimCall {
  readonly launcher: Launcher;
  /** Users whom the lock may belong to; undefined without file owners (Windows). */
  readonly lockOwners: readonly number[] | undefined;
}

/** The words that start this executable: absolute paths of Node and of the bundle, or of one program. */
export type Launcher = readonly string[];

const marker = "buck2-oras shim ";
const markerSchema = v.object({ tool: v.string(), lock: v.string() });

/**
 * A POSIX script. The script asks for the path of the program, and then becomes the program: signals, exit code,
 * streams and the reaction to closed pipes are the program's own. The variables have names that no program reads.
 */
function posixShim(shim: Shim, { launcher, lockOwners = [] }: ShimCall): string {
  const owners = lockOwners.length === 0 ? "" : ` --lock-owners ${lockOwners.join(",")}`;
  const words = launcher.map(posixWord);
  return `#!/bin/sh
# ${marker}${printableJson(shim)}
# Written by \`buck2-oras shim\` or \`env\`, which replace and remove this file.
for buck2_oras_file in ${words.join(" ")}; do
  if [ ! -r "$buck2_oras_file" ]; then
    printf '%s\\n' "error[CLI_NOT_FOUND]: buck2-oras moved: $buck2_oras_file is gone" \\
      "  hint: run \\\`buck2-oras shim\\\` or \\\`buck2-oras env\\\` again, which writes this script anew" >&2
    exit 69
  fi
done
buck2_oras_program=$(${words.join(" ")} which --lock ${posixWord(shim.lock)}${owners} ${posixWord(shim.tool)}) || exit
exec "$buck2_oras_program" "$@"
`;
}

/** A batch file: batch files cannot become another program, so \`run\` starts the tool. */
function cmdShim(shim: Shim, { launcher }: ShimCall): string {
  const lines = [
    "@echo off",
    `rem ${marker}${printableJson(shim).replaceAll("%", "%%")}`,
    `${launcher.map(cmdWord).join(" ")} run --lock ${cmdWord(shim.lock)} ${cmdWord(shim.tool)} -- %*`,
  ];
  return `${lines.join("\r\n")}\r\n`;
}

export function shimText(shim: Shim, call: ShimCall, os: string): string {
  return os === "win32" ? cmdShim(shim, call) : posixShim(shim, call);
}

export function shimName(tool: string, os: string): string {
  return os === "win32" ? `${tool}.cmd` : tool;
}

/** @returns undefined for any other file. */
export function parseShim(text: string): Shim | undefined {
  const [, line = ""] = text.split(/\r?\n/, 2);
  const [, json = ""] = /^(?:#|rem) buck2-oras shim (\{.*\})$/.exec(line) ?? [];
  try {
    return v.parse(markerSchema, JSON.parse(line.startsWith("rem") ? json.replaceAll("%%", "%") : json));
  } catch {
    return undefined;
  }
}
