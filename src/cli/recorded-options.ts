/** Options of `lock add` that the lock records. */
import { type Command, InvalidArgumentError } from "commander";
import { isLockedPath, type LockOptions, layerFormats } from "../lockfile/schema.ts";
import type { PlatformString } from "../model/platform.ts";
import { platformArgument } from "./arguments.ts";

export interface RecordedOptions {
  readonly executable?: string;
  readonly format?: LockOptions["format"];
  readonly platform?: readonly PlatformString[];
}

function formatArgument(text: string): LockOptions["format"] {
  const format = layerFormats.find((one) => one === text);
  if (format === undefined) throw new InvalidArgumentError(`Expected one of ${layerFormats.join(", ")}.`);
  return format;
}

function innerPathArgument(text: string): string {
  if (!isLockedPath(text)) throw new InvalidArgumentError("Expected a path inside the artifact, such as bin/tool.");
  return text;
}

/** Collects repeated options. */
export function platformsArgument(text: string, earlier: readonly PlatformString[] = []): readonly PlatformString[] {
  return [...earlier, platformArgument(text)];
}

export function addRecordedOptions(command: Command): Command {
  return command
    .option("--executable <path>", "the executable's path in the artifact, or the end of the path", innerPathArgument)
    .option(
      "--format <format>",
      "the file's format: raw keeps an archive as one file (default: by the bytes)",
      formatArgument,
    )
    .option("--platform <platform>", "lock only this platform; may be repeated", platformsArgument);
}

/** @returns Undefined without any of the options. */
export function recordedOptions({ executable, format, platform }: RecordedOptions): LockOptions | undefined {
  if (executable === undefined && format === undefined && platform === undefined) return undefined;
  const platforms = platform === undefined ? undefined : [...new Set(platform)].sort();
  return { executable, format, platforms };
}
