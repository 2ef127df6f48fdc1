/** Programs among the files of a package, recognized by their bytes. */
import { readdir } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { isExecutable } from "../archive/executable.ts";
import { readHead, withOpened } from "../files/opened-file.ts";

/** Libraries have the same first bytes as programs; Python and Node load them. */
const libraryName = /\.(?:node|so(?:\.[0-9]+)*|dylib|dll|pyd)$/i;
/** Interpreters that every system of the platform has. */
const shells = new Set(["sh", "bash", "dash", "ksh", "zsh", "ash"]);
/** Bytes that hold a script's first line. */
const headBytes = 256;

export interface Programs {
  /** Paths of native programs and shell scripts below the folder, shallowest first, separated by `/`. */
  readonly found: readonly string[];
  /** Paths of native libraries, and of scripts for other interpreters. */
  readonly others: readonly string[];
}

function kindOf(path: string, head: Buffer): "program" | "other" | undefined {
  if (!isExecutable(head)) return undefined;
  if (libraryName.test(path)) return "other";
  const [firstLine = ""] = head.toString("latin1").split(/[\r\n]/, 1);
  if (!firstLine.startsWith("#!")) return "program";
  // `#!/usr/bin/env -S bash`: the interpreter is the first word that is neither `env` nor an option.
  const words = firstLine
    .slice(2)
    .trim()
    .split(/\s+/)
    .map((word) => basename(word));
  const interpreter = words.find((word) => word !== "env" && !word.startsWith("-") && !word.includes("=")) ?? "";
  return shells.has(interpreter) ? "program" : "other";
}

/** Finds the programs below a folder; links are not followed. */
export async function findPrograms(folder: string): Promise<Programs> {
  const found: string[] = [];
  const others: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const head = await withOpened(path, (file) => readHead(file, headBytes));
    const kind = kindOf(entry.name, Buffer.from(head));
    const name = relative(folder, path).split(sep).join("/");
    if (kind === "program") found.push(name);
    else if (kind === "other") others.push(name);
  }
  return { found: found.sort(byDepth), others: others.sort(byDepth) };
}

function byDepth(a: string, b: string): number {
  return a.split("/").length - b.split("/").length || (a < b ? -1 : 1);
}
