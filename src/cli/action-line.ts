/**
 * The command line of a build action that fetches a blob, as rules/artifact.bzl writes it. Buck2 starts one process for
 * each tool, and Commander would take a tenth of the time that a tool in the cache needs.
 */
import { digestPattern, isDigest } from "../model/digest.ts";
import type { BlobRequest } from "../verbs/blob.ts";
import type { CliIo } from "./io.ts";
import { showWork } from "./show.ts";
import { showBlob } from "./show-blob.ts";

/** Options of `blob`, and what their values look like; a flag has none. */
const forms: ReadonlyMap<string, RegExp> = new Map([
  ["size", /^[0-9]{1,15}$/],
  ["manifest", digestPattern],
  ["output", /./s],
  ["executable", /^$/],
  ["no-executable", /^$/],
]);

/** @returns undefined for words that are not all `--name=value` or `--name` of {@link forms}, and for an option given twice */
function optionsOf(words: readonly string[]): ReadonlyMap<string, string> | undefined {
  const given = new Map<string, string>();
  for (const word of words) {
    const [, name = "", value = ""] = /^--([a-z-]+)(?:=(.+))?$/s.exec(word) ?? [];
    if (given.has(name) || forms.get(name)?.test(value) !== true) return undefined;
    given.set(name, value);
  }
  return given;
}

/** @returns undefined for every other command line, which Commander reads or refuses */
export function readBlobLine(argv: readonly string[]): BlobRequest | undefined {
  const [command, reference = "", ...words] = argv;
  const isBlob = command === "blob" && reference !== "" && !reference.startsWith("-");
  const options = isBlob ? optionsOf(words) : undefined;
  const size = options?.get("size");
  const output = options?.get("output");
  if (options === undefined || size === undefined || output === undefined) return undefined;
  const executable = executableOf(options);
  if (executable === null) return undefined;
  const manifest = options.get("manifest") ?? "";
  return {
    reference,
    size: Number(size),
    manifest: isDigest(manifest) ? manifest : undefined,
    output,
    executable,
  };
}

/** @returns undefined if neither is given; null for both, of which the last counts */
function executableOf(options: ReadonlyMap<string, string>): boolean | undefined | null {
  const [isGiven, isDenied] = [options.has("executable"), options.has("no-executable")];
  if (isGiven && isDenied) return null;
  return isGiven || (isDenied ? false : undefined);
}

/** {@link readBlobLine} without the global options, which no action gives. */
export async function runBlobLine(line: BlobRequest, io: CliIo): Promise<void> {
  const call = {
    typed: { command: "blob", first: line.reference },
    overrides: {},
    verbosity: { isVerbose: false, isQuiet: false, showsProgress: true },
    isJson: false,
  };
  await showWork(call, io, (session) => showBlob(line, session));
}
