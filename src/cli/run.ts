/** One command: options in, a use case, its result out as text or as JSON. */
import type { Command } from "commander";
import type { CliIo, OutputStream, Session } from "./io.ts";
import { readGlobalOptions } from "./options.ts";

/** How a result is shown. `json` follows the schema of the command in `schemas.ts`. */
export interface Shown {
  /** The result itself, on stdout, without the last newline. */
  readonly text: string;
  /** What else a person wants to know, on stderr. */
  readonly notes?: readonly string[];
  readonly json: object;
  /** Unless 0, the result itself says that something is wrong. */
  readonly exitCode?: number;
}

function writeLine(stream: OutputStream, line: string): void {
  stream.write(`${line}\n`);
}

/** Runs a use case with the global options of `command` and prints what `show` makes of its result. */
export async function runCommand(
  command: Command,
  io: CliIo,
  work: (session: Session) => Promise<Shown>,
): Promise<void> {
  const options = readGlobalOptions(command);
  const shown = await io.withSession(options.overrides, options.verbosity, work);
  if (shown.exitCode !== undefined) io.setExitCode(shown.exitCode);
  if (options.isJson) {
    writeLine(io.stdout, JSON.stringify(shown.json));
    return;
  }
  if (!options.verbosity.isQuiet) for (const note of shown.notes ?? []) writeLine(io.stderr, note);
  if (shown.text !== "") writeLine(io.stdout, shown.text);
}
