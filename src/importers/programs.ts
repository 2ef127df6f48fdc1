/** Programs among the files of a package, recognized by their bytes. */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { isExecutable } from "../archive/executable.ts";
import type { Context } from "../context.ts";
import { readHead, withOpened } from "../files/opened-file.ts";
import type { PlatformString } from "../model/platform.ts";
import { type Fit, fitOf, type Machine, machineHeadBytes, machineOf, machineText } from "./machine.ts";

/** Libraries have the same first bytes as programs; Python and Node load them. */
const libraryName = /\.(?:node|so(?:\.[0-9]+)*|dylib|dll|pyd)$/i;
/** Interpreters that every system of the platform has. */
const shells = new Set(["sh", "bash", "dash", "ksh", "zsh", "ash"]);
/** Bytes that hold a script's first line. */
const lineBytes = 256;

export interface Programs {
  /**
   * Paths of native programs and shell scripts below the folder, shallowest first, separated by `/`. Programs that the
   * platform emulates come last where there are others for its own processor.
   */
  readonly found: readonly string[];
  /** Paths of libraries, of scripts for other interpreters, and of programs for other platforms. */
  readonly others: readonly string[];
  /** Set if there are programs, and none is for the platform's own system and processor. */
  readonly misfit: Misfit | undefined;
}

export interface Misfit {
  /** True: the platform runs the program with emulation, or there are scripts for it. */
  readonly isRunnable: boolean;
  /** Says which program is for which platform. */
  readonly text: string;
}

/** A script of a shell or a native program, a program of another platform, or a library or other script. */
type Kind =
  | { readonly is: "script" }
  | { readonly is: "other" }
  | { readonly is: "binary"; readonly fit: Fit; readonly made: string };

function kindOf(path: string, head: Buffer, platform: PlatformString): Kind | undefined {
  if (!isExecutable(head)) return undefined;
  if (libraryName.test(path)) return { is: "other" };
  const [firstLine = ""] = head.toString("latin1", 0, lineBytes).split(/[\r\n]/, 1);
  if (!firstLine.startsWith("#!")) {
    const machine = machineOf(head);
    if (machine === undefined) return { is: "binary", fit: "native", made: "" };
    return { is: "binary", fit: fitOf(machine, platform), made: machineText(machine) };
  }
  // `#!/usr/bin/env -S bash`: the interpreter is the first word that is neither `env` nor an option.
  const words = firstLine
    .slice(2)
    .trim()
    .split(/\s+/)
    .map((word) => basename(word));
  const interpreter = words.find((word) => word !== "env" && !word.startsWith("-") && !word.includes("=")) ?? "";
  return shells.has(interpreter) ? { is: "script" } : { is: "other" };
}

async function filesBelow(path: string): Promise<readonly string[]> {
  if ((await stat(path)).isFile()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Finds the programs for a platform: a file, or files below a folder; links in a folder are not followed. */
export async function findPrograms(root: string, platform: PlatformString): Promise<Programs> {
  const scripts: string[] = [];
  const others: string[] = [];
  const binaries: Record<Fit, string[]> = { native: [], emulated: [], foreign: [] };
  const madeFor = new Map<string, string>();
  for (const path of await filesBelow(root)) {
    const head = await withOpened(path, (file) => readHead(file, machineHeadBytes));
    const kind = kindOf(basename(path), Buffer.from(head), platform);
    const name = relative(path === root ? dirname(root) : root, path)
      .split(sep)
      .join("/");
    if (kind?.is === "script") scripts.push(name);
    else if (kind?.is === "other") others.push(name);
    else if (kind?.is === "binary") {
      binaries[kind.fit].push(name);
      madeFor.set(name, kind.made);
    }
  }
  const { native, emulated, foreign } = binaries;
  const own = [...scripts, ...native].sort(byDepth);
  const found = native.length > 0 ? [...own, ...emulated.sort(byDepth)] : [...own, ...emulated].sort(byDepth);
  const [misfit] = native.length > 0 ? [] : [...emulated.sort(byDepth), ...foreign.sort(byDepth)];
  return {
    found,
    others: [...others, ...foreign].sort(byDepth),
    misfit: misfit === undefined ? undefined : { isRunnable: found.length > 0, text: textOf(misfit) },
  };

  function textOf(name: string): string {
    const needs = platform.startsWith("darwin") ? "Rosetta" : "the emulation of Windows";
    const text = `for ${platform}, ${JSON.stringify(name)} is a program for ${madeFor.get(name)}`;
    return emulated.includes(name) ? `${text}: it needs ${needs}` : text;
  }
}

/** The misfit among the programs of a file or folder; undefined also for a missing path, a device or a pipe. */
export async function misfitIn(path: string, platform: PlatformString): Promise<Misfit | undefined> {
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isFile() !== true && stats?.isDirectory() !== true) return undefined;
  return (await findPrograms(path, platform)).misfit;
}

/** The only machine that the native programs of a file or folder are for. */
export interface SoleMachine {
  readonly machine: Machine;
  /** Path of the shallowest of the programs. */
  readonly program: string;
}

/** @returns undefined without native programs, and for programs of several machines; also for a missing path. */
export async function soleMachineIn(root: string): Promise<SoleMachine | undefined> {
  const stats = await stat(root).catch(() => undefined);
  if (stats?.isFile() !== true && stats?.isDirectory() !== true) return undefined;
  const found = new Map<string, SoleMachine>();
  for (const path of (await filesBelow(root)).toSorted(byDepth)) {
    const head = Buffer.from(await withOpened(path, (file) => readHead(file, machineHeadBytes)));
    const machine = isExecutable(head) && !libraryName.test(path) ? machineOf(head) : undefined;
    const text = machine === undefined ? undefined : machineText(machine);
    if (machine === undefined || text === undefined || found.has(text)) continue;
    found.set(text, {
      machine,
      program: relative(path === root ? dirname(root) : root, path)
        .split(sep)
        .join("/"),
    });
  }
  const [only, ...others] = found.values();
  return others.length === 0 ? only : undefined;
}

/** Prints what does not fit. @param source Names the package. */
export function warnOfMisfit(
  source: string,
  { text }: Misfit,
  { isPublished }: { readonly isPublished: boolean },
  log: Context["log"],
): void {
  log.warn(`${source}: ${text}${isPublished ? "" : "; nothing is published for that platform"}`);
}

function byDepth(a: string, b: string): number {
  return a.split("/").length - b.split("/").length || (a < b ? -1 : 1);
}
