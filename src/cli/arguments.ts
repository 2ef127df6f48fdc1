/** Arguments that several commands take, parsed at the border. */
import { InvalidArgumentError } from "commander";
import { type Compressor, defaultLevels, maxLevels } from "../archive/compress.ts";
import { parseByteSize } from "../model/byte-size.ts";
import { type Digest, parseDigest } from "../model/digest.ts";
import { type PlatformString, parsePlatform } from "../model/platform.ts";

// Their errors have a code, a message and a hint of their own, and pass through the command-line library as they are.
export const digestArgument: (text: string) => Digest = parseDigest;
export const platformArgument: (text: string) => PlatformString = parsePlatform;

/** The empty path means the working folder to Node, and a forgotten variable to whoever wrote it. */
export function pathArgument(text: string): string {
  if (text === "") throw new InvalidArgumentError("It is empty.");
  return text;
}

export function sizeArgument(text: string): number {
  const size = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(size)) throw new InvalidArgumentError("It is a number of bytes.");
  return size;
}

/** `500M`, `2GiB`, `1048576`. */
export function byteSizeArgument(text: string): number {
  const bytes = parseByteSize(text);
  if (bytes === undefined) throw new InvalidArgumentError("It is a size such as 500M or 2GiB.");
  return bytes;
}

export function daysArgument(text: string): number {
  const days = Number(text);
  if (text.trim() === "" || !Number.isFinite(days) || days < 0)
    throw new InvalidArgumentError("It is a number of days.");
  return days;
}

/** `KEY=VALUE`, collected over repeated options. */
export function keyValueArgument(text: string, earlier: Readonly<Record<string, string>> = {}): Record<string, string> {
  const equals = text.indexOf("=");
  if (equals < 1) throw new InvalidArgumentError("It is KEY=VALUE.");
  return { ...earlier, [text.slice(0, equals)]: text.slice(equals + 1) };
}

export const compressionHelp = "zstd, gzip or none, with a level such as zstd:9 (default: zstd:19)";

/** `zstd`, `gzip:6`, `none`. */
export function compressionArgument(text: string): Compressor | "none" {
  if (text === "none") return text;
  const [, format, level] = /^(gzip|zstd)(?::([0-9]{1,2}))?$/.exec(text) ?? [];
  if (format !== "gzip" && format !== "zstd") throw new InvalidArgumentError(`It is ${compressionHelp}.`);
  const number = level === undefined ? defaultLevels[format] : Number(level);
  if (number < 1 || number > maxLevels[format]) {
    throw new InvalidArgumentError(`Levels of ${format} go from 1 to ${maxLevels[format]}.`);
  }
  return { format, level: number };
}

/** A day or a moment, as RFC 3339 in UTC, to the second. */
export function createdArgument(text: string): string {
  const isDate = /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2}))?$/.test(text);
  const time = Date.parse(text);
  // Date takes the 30th of February for the 2nd of March.
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split("-").map(Number);
  const isDay = new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
  if (!isDate || Number.isNaN(time) || !isDay) {
    throw new InvalidArgumentError("It is a day or a moment, such as 2026-01-31 or 2026-01-31T12:00:00Z.");
  }
  return new Date(time).toISOString().replace(/\.[0-9]+Z$/, "Z");
}
