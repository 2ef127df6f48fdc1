/** Locked tools as other programs fetch them: one address for each platform, without a login. */
import { isArchive } from "../archive/format.ts";
import { UsageError } from "../errors.ts";
import { anyPlatform, type LockedLayer, type LockedTool } from "../lockfile/schema.ts";
import type { PlatformString } from "../model/platform.ts";
import { fileName, programIn } from "./program.ts";

/** A tool's only layer on one platform. */
export interface ExportedPlatform {
  readonly platform: PlatformString | typeof anyPlatform;
  readonly layer: LockedLayer;
  readonly isArchive: boolean;
  /** Path of the program in the archive, or the name of the single file. */
  readonly program: string;
  /** `HOST/REPOSITORY` or `oci:DIR`. */
  readonly repository: string;
}

/** @throws {UsageError} a tool that is not one file or archive with a known program */
export function exportedPlatforms(name: string, { platforms }: LockedTool): readonly ExportedPlatform[] {
  return Object.entries(platforms).map(([key, locked]) => {
    const platform = key === anyPlatform ? key : (key as PlatformString);
    const [layer, ...others] = locked.layers;
    if (layer === undefined || others.length > 0) {
      throw notExported(name, `consists of ${locked.layers.length} layers on ${platform}`);
    }
    const program = programIn(name, locked);
    if (program === undefined) throw notExported(name, `has no known program on ${platform}`);
    if (locked.repository.startsWith("oci:"))
      throw notExported(name, "comes from a layout folder, which has no address");
    const isUnpacked = isArchive(layer.format);
    const path = isUnpacked ? program : fileName(name, layer.title);
    return { platform, layer, isArchive: isUnpacked, program: path, repository: locked.repository };
  });
}

export function notExported(name: string, why: string): UsageError {
  return new UsageError("USAGE_INVALID", `${name} cannot be exported: it ${why}`, {
    hint: "name the other tools, and use `buck2-oras env` or `buck2-oras shim` for this tool",
  });
}

/** The names that DotSlash and mise share for compressed files and archives. */
export const formatNames: Readonly<Record<string, string>> = { gzip: "gz", zstd: "zst", xz: "xz" };
