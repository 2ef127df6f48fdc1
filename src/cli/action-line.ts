/**
 * The command line of a build action that fetches a blob, as rules/artifact.bzl writes it. Buck2 starts one process for
 * each tool, and Commander would take a tenth of the time that a tool in the cache needs.
 */
import type { CliIo } from "./io.ts";
import { showWork } from "./show.ts";
import { showBlob } from "./show-blob.ts";

/** Options of `blob` by their values; a flag has none. */
type GivenOptions = ReadonlyMap<string, string | undefined>;

/** @returns undefined for words that are not all of the form `--name=value` or `--name`, and for an option given twice */
function optionsOf(words: readonly string[]): GivenOptions | undefined {
  const given = new Map<string, string | undefined>();
  for (const word of words) {
    const [, name, value] = /^--([a-z]+)(?:=(.+))?$/s.exec(word) ?? [];
    if (name === undefined || given.has(name)) return undefined;
    given.set(name, value);
  }
  return given;
}

interface BlobLine {
  readonly reference: string;
  readonly size: number;
  readonly output: string;
  readonly executable: true | undefined;
}

/** @returns undefined for every other command line, which Commander reads or refuses */
export function readBlobLine(argv: readonly string[]): BlobLine | undefined {
  const [command, reference = "", ...words] = argv;
  const isBlob = command === "blob" && reference !== "" && !reference.startsWith("-");
  const options = isBlob ? optionsOf(words) : undefined;
  if (options === undefined) return undefined;
  const size = options.get("size") ?? "";
  const output = options.get("output");
  const isExecutable = options.has("executable");
  const count = isExecutable ? 3 : 2;
  if (!/^[0-9]{1,15}$/.test(size) || output === undefined || options.size !== count) return undefined;
  if (options.get("executable") !== undefined) return undefined;
  return { reference, size: Number(size), output, executable: isExecutable ? true : undefined };
}

/** {@link readBlobLine} without the global options, which no action gives. */
export async function runBlobLine(line: BlobLine, io: CliIo): Promise<void> {
  const call = {
    typed: { command: "blob", first: line.reference },
    overrides: {},
    verbosity: { isVerbose: false, isQuiet: false, showsProgress: true },
    isJson: false,
  };
  await showWork(call, io, (session) => showBlob(line, session));
}
