/** Parsers of the arguments that several commands share. */
import { InvalidArgumentError } from "commander";
import { defaultLevels, maxLevels } from "../archive/compress.ts";
import type { Compressor } from "../archive/encoder.ts";
import { ageForm, parseAge } from "../model/age.ts";
import { parseByteSize } from "../model/byte-size.ts";
import { type Digest, parseDigest } from "../model/digest.ts";
import { type PlatformString, parsePlatform } from "../model/platform.ts";

// Both parsers throw an `OrasClientError`, which Commander passes on unchanged.
export const digestArgument: (text: string) => Digest = parseDigest;
export const platformArgument: (text: string) => PlatformString = parsePlatform;

/** Refuses an empty path: its usual cause is an unset variable, and Node would use the working folder. */
export function pathArgument(text: string): string {
  if (text === "") throw new InvalidArgumentError("The path is empty.");
  return text;
}

export function sizeArgument(text: string): number {
  const size = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(size))
    throw new InvalidArgumentError("Expected a number of bytes.");
  return size;
}

/** Parses `500M`, `2GiB` or `1048576` into bytes. */
export function byteSizeArgument(text: string): number {
  const bytes = parseByteSize(text);
  if (bytes === undefined) throw new InvalidArgumentError("Expected a size such as 500M or 2GiB.");
  return bytes;
}

/** Parses `1000,1001`. */
export function userIdsArgument(text: string): readonly number[] {
  if (!/^[0-9]{1,10}(,[0-9]{1,10})*$/.test(text))
    throw new InvalidArgumentError("Expected user IDs such as 1000,1001.");
  return text.split(",").map(Number);
}

export function daysArgument(text: string): number {
  const days = Number(text);
  if (text.trim() === "" || !Number.isFinite(days) || days < 0)
    throw new InvalidArgumentError("Expected a number of days.");
  return days;
}

/** Parses `7d` into milliseconds. */
export function ageArgument(text: string): number {
  const ms = parseAge(text);
  if (ms === undefined) throw new InvalidArgumentError(`Expected ${ageForm}.`);
  return ms;
}

/** Collects repeated options. */
export function collected(text: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, text];
}

/** Parses `KEY=VALUE` and collects repeated options. */
export function keyValueArgument(text: string, earlier: Readonly<Record<string, string>> = {}): Record<string, string> {
  const equals = text.indexOf("=");
  if (equals < 1) throw new InvalidArgumentError("Expected KEY=VALUE.");
  return { ...earlier, [text.slice(0, equals)]: text.slice(equals + 1) };
}

export const compressionHelp = "zstd, gzip or none, with a level such as zstd:9 (default: zstd:19)";

/** Parses `zstd`, `gzip:6` or `none`. */
export function compressionArgument(text: string): Compressor | "none" {
  if (text === "none") return text;
  const [, format, level] = /^(gzip|zstd)(?::([0-9]{1,2}))?$/.exec(text) ?? [];
  if (format !== "gzip" && format !== "zstd") throw new InvalidArgumentError(`Expected ${compressionHelp}.`);
  const number = level === undefined ? defaultLevels[format] : Number(level);
  if (number < 1 || number > maxLevels[format]) {
    throw new InvalidArgumentError(`Expected a level of ${format} from 1 to ${maxLevels[format]}.`);
  }
  return { format, level: number };
}

/** Parses a date or date-time into RFC 3339, in UTC with whole seconds. */
export function createdArgument(text: string): string {
  const isDate = /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2}))?$/.test(text);
  const time = Date.parse(text);
  // `Date` reads February 30 as March 2.
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split("-").map(Number);
  const isDay = new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
  if (!isDate || Number.isNaN(time) || !isDay) {
    throw new InvalidArgumentError("Expected a date or date-time such as 2026-01-31 or 2026-01-31T12:00:00Z.");
  }
  return new Date(time).toISOString().replace(/\.[0-9]+Z$/, "Z");
}
