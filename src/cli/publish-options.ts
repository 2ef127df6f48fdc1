/** Options of the publishing commands: compression of layers, annotations of manifests. */
import type { Command } from "commander";
import { defaultLevels } from "../archive/compress.ts";
import type { Compressor } from "../archive/encoder.ts";
import { type Annotations, annotationKeys } from "../model/manifest.ts";
import { compressionArgument, compressionHelp, createdArgument, keyValueArgument } from "./arguments.ts";
import { formatBytes } from "./format.ts";
import { keyHelp, passwordFlags, passwordHelp, type SigningOptions } from "./signing-options.ts";

export interface PublishOptions extends SigningOptions {
  readonly compression?: Compressor | "none";
  readonly created?: string;
  readonly annotation?: Annotations;
  readonly provenance?: boolean;
}

export function addPublishOptions(command: Command): Command {
  return command
    .option("--compression <format>", compressionHelp, compressionArgument)
    .option("--created <time>", "creation time of the artifact, which `prune` reads (default: none)", createdArgument)
    .option("--annotation <key=value>", "annotation of the manifests; may be repeated", keyValueArgument)
    .option("--provenance", "attach provenance (SLSA v1): the inputs by digest, and the versions of the programs")
    .option("--sign-key <key>", `sign the artifact before the tag is written; ${keyHelp}`)
    .option(passwordFlags, passwordHelp);
}

export function compressorOf({ compression }: PublishOptions): Compressor | undefined {
  if (compression === "none") return undefined;
  return compression ?? { format: "zstd", level: defaultLevels.zstd };
}

export function annotationsOf({ created, annotation = {} }: PublishOptions): Annotations {
  return created === undefined ? annotation : { [annotationKeys.created]: created, ...annotation };
}

/** Sizes before and after compression: `10.3 MB → 2.8 MB`; one size if both are equal. */
export function formatShrunk({ size, contentSize }: { readonly size: number; readonly contentSize: number }): string {
  return size === contentSize ? formatBytes(size) : `${formatBytes(contentSize)} → ${formatBytes(size)}`;
}
