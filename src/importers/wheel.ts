/** Wheels, unpacked to the layout of an installation. */
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { extractArchive } from "../archive/extract.ts";
import { ContentVerificationError } from "../errors.ts";
import type { PlatformString } from "../model/platform.ts";
import { findPrograms, type Misfit } from "./programs.ts";

export interface UnpackedWheel {
  /** Undefined for a wheel without a program for the platform. */
  readonly path: string | undefined;
  /** A file that is no program for the platform, for messages. */
  readonly other: string | undefined;
  /** Set if no program is for the platform's own system and processor. */
  readonly misfit: Misfit | undefined;
  readonly license: string | undefined;
  readonly sourceUrl: string | undefined;
}

export interface Wheel {
  /** Path of the file. */
  readonly path: string;
  /** Name of the package. */
  readonly name: string;
  readonly platform: PlatformString;
  /** An existing folder for the unpacked files. */
  readonly dir: string;
}

/**
 * Unpacks a wheel as an installation does: `*.data/scripts` becomes `bin`, and `*.data/data` the folder around `bin`.
 * Without a program there, the tool is the folder of the package with the program, such as `clang_format/data`.
 *
 * @see PyPA specifications, "Binary distribution format", "The .data directory"
 */
export async function unpackWheel(wheel: Wheel, signal: AbortSignal): Promise<UnpackedWheel> {
  const { name, dir, platform } = wheel;
  const unpacked = join(dir, "unpacked");
  await extractArchive(wheel.path, unpacked, { signal, format: "zip" });
  const entries = await readdir(unpacked);
  const info = entries.find((entry) => entry.endsWith(".dist-info"));
  const metadata = info === undefined ? "" : await readFile(join(unpacked, info, "METADATA"), "utf8").catch(() => "");
  const data = entries.find((entry) => entry.endsWith(".data"));
  const root = (data === undefined ? undefined : await installed(join(unpacked, data))) ?? unpacked;
  const { found, others, misfit } = await findPrograms(root, platform);
  const [first] = found;
  const stated = { ...statedIn(metadata), other: others[0], misfit };
  if (first === undefined) return { path: undefined, ...stated };
  // A wheel's own libraries are found by their paths beside the package.
  const isWhole = root !== unpacked || entries.some((entry) => /\.(?:libs|dylibs)$/.test(entry));
  const folder = dirname(first);
  const part = isWhole ? "." : basename(folder) === "bin" ? dirname(folder) : folder;
  const inPart = found.filter((path) => part === "." || path.startsWith(`${part}/`));
  const title = inPart.length === 1 ? basename(first).replace(/\.exe$/i, "") : name;
  const path = join(dir, "tool", title);
  await mkdir(join(dir, "tool"), { recursive: true });
  // Renamed, not copied, to keep the modes of the files.
  await rename(join(root, part), path);
  await rm(unpacked, { recursive: true, force: true });
  return { path, ...stated };
}

/** Moves scripts and data together. @returns The folder; undefined for a wheel without scripts. */
async function installed(data: string): Promise<string | undefined> {
  const scripts = join(data, "scripts");
  if ((await readdir(scripts).catch(() => [])).length === 0) return undefined;
  const rest = join(data, "data");
  await mkdir(rest, { recursive: true });
  await rename(scripts, join(rest, "bin"));
  return rest;
}

/** The error for wheels without a program for any wanted platform. @param wheel File name of the wheel. */
export function wheelWithoutProgram(wheel: string, other: string | undefined): ContentVerificationError {
  const instead =
    other === undefined ? "" : `: ${JSON.stringify(other)} is a library, a script, or for another platform`;
  return new ContentVerificationError("IMPORT_CONTENT_INVALID", `${wheel} contains no native program${instead}`, {
    hint: "run a tool that is written in Python with Python, or import a native build: `import https://… --digest sha256:…`",
  });
}

const maxTextLength = 300;

/** Licence and source URL. @param metadata Headers, an empty line, and the description. */
function statedIn(metadata: string): Pick<UnpackedWheel, "license" | "sourceUrl"> {
  const [headers = ""] = metadata.split(/\r?\n\r?\n/, 1);
  const stated = /^License-Expression: (.+)$/m.exec(headers) ?? /^License: (.+)$/m.exec(headers);
  const license = stated?.[1]?.trim();
  // PyPA specifications, "Well-known Project URLs in Metadata".
  const sourceUrl = /^Project-URL: *(?:source|source ?code|repository|github) *, *(https?:\S+)$/im.exec(headers)?.[1];
  const isKnown = license !== undefined && license.length <= maxTextLength && license !== "UNKNOWN";
  return { license: isKnown ? license : undefined, sourceUrl };
}
