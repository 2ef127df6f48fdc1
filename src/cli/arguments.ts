/** Arguments that several commands take, parsed at the border. */
import { InvalidArgumentError } from "commander";
import { OrasClientError } from "../errors.ts";
import { parseByteSize } from "../model/byte-size.ts";
import { type Digest, parseDigest } from "../model/digest.ts";
import { type PlatformString, parsePlatform } from "../model/platform.ts";

/** Lets a parser's error be shown as one about the option, with its hint. */
function asArgument<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof OrasClientError)) throw error;
      throw new InvalidArgumentError(
        error.hint === undefined ? `${error.message}.` : `${error.message}: ${error.hint}.`,
      );
    }
  };
}

export const digestArgument: (text: string) => Digest = asArgument(parseDigest);
export const platformArgument: (text: string) => PlatformString = asArgument(parsePlatform);

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
