/** Which file of a locked tool is the program. */
import { isArchive } from "../archive/format.ts";
import { executableAmong } from "../lockfile/executable.ts";
import type { LockedLayer, LockedPlatform } from "../lockfile/schema.ts";

/** A layer that unpacks into the tool's folder: the only archive, or a folder as `oras push` packs it. */
export function isUnpacked(layer: LockedLayer, { layers }: LockedPlatform): boolean {
  return isArchive(layer.format) && (layers.length === 1 || layer.unpackInto !== undefined);
}

/** Name of a single file on disk: the tool's name, so that usage texts and Windows know the program. */
export function fileName(name: string, title: string): string {
  return title.toLowerCase().endsWith(".exe") && !name.toLowerCase().endsWith(".exe") ? `${name}.exe` : name;
}

/**
 * The program of a tool, as the rules choose it: of several executables, the one with the tool's name.
 *
 * @returns Path in the tool's folder; undefined if the lock names none, or several.
 */
export function programIn(name: string, platform: LockedPlatform): string | undefined {
  const [sole, ...others] = platform.layers;
  if (sole !== undefined && others.length === 0 && !isArchive(sole.format)) {
    return sole.executable === false ? undefined : fileName(name, sole.title);
  }
  if (platform.executable !== undefined) return platform.executable;
  const paths = platform.layers.flatMap((layer) => {
    const { executable, title } = layer;
    const isThere = isUnpacked(layer, platform) || executable === title;
    return typeof executable === "string" && isThere ? [executable] : [];
  });
  return executableAmong(name, paths);
}
