/** Programs among the files of a package, recognized by their bytes. */
import { readdir } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { isExecutable } from "../archive/executable.ts";
import { readHead, withOpened } from "../files/opened-file.ts";
import { ociPlatform, type PlatformString } from "../model/platform.ts";

/** Libraries have the same first bytes as programs; Python and Node load them. */
const libraryName = /\.(?:node|so(?:\.[0-9]+)*|dylib|dll|pyd)$/i;
/** Interpreters that every system of the platform has. */
const shells = new Set(["sh", "bash", "dash", "ksh", "zsh", "ash"]);
/** Bytes that hold a script's first line. */
const headBytes = 256;

export interface Programs {
  /** Paths of native programs and shell scripts below the folder, shallowest first, separated by `/`. */
  readonly found: readonly string[];
  /** Paths of libraries, of scripts for other interpreters, and of programs for other platforms. */
  readonly others: readonly string[];
}

/** ELF, `e_machine`: EM_X86_64 and EM_AARCH64 (System V ABI, "ELF Header"). */
const elfMachines: Readonly<Record<string, number>> = { amd64: 0x3e, arm64: 0xb7 };

/** False for a native program of another system, or of another processor on Linux; others may emulate a processor. */
function fits(head: Buffer, platform: PlatformString): boolean {
  const { os, architecture } = ociPlatform(platform);
  if (head.readUInt16BE(0) === 0x4d5a) return os === "windows";
  if (head.length < 20 || head.readUInt32BE(0) !== 0x7f454c46) return os === "darwin";
  const machine = head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18);
  return os === "linux" && machine === elfMachines[architecture];
}

function kindOf(path: string, head: Buffer, platform: PlatformString): "program" | "other" | undefined {
  if (!isExecutable(head)) return undefined;
  if (libraryName.test(path)) return "other";
  const [firstLine = ""] = head.toString("latin1").split(/[\r\n]/, 1);
  if (!firstLine.startsWith("#!")) return fits(head, platform) ? "program" : "other";
  // `#!/usr/bin/env -S bash`: the interpreter is the first word that is neither `env` nor an option.
  const words = firstLine
    .slice(2)
    .trim()
    .split(/\s+/)
    .map((word) => basename(word));
  const interpreter = words.find((word) => word !== "env" && !word.startsWith("-") && !word.includes("=")) ?? "";
  return shells.has(interpreter) ? "program" : "other";
}

/** Finds the programs for a platform below a folder; links are not followed. */
export async function findPrograms(folder: string, platform: PlatformString): Promise<Programs> {
  const found: string[] = [];
  const others: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const head = await withOpened(path, (file) => readHead(file, headBytes));
    const kind = kindOf(entry.name, Buffer.from(head), platform);
    const name = relative(folder, path).split(sep).join("/");
    if (kind === "program") found.push(name);
    else if (kind === "other") others.push(name);
  }
  return { found: found.sort(byDepth), others: others.sort(byDepth) };
}

function byDepth(a: string, b: string): number {
  return a.split("/").length - b.split("/").length || (a < b ? -1 : 1);
}
