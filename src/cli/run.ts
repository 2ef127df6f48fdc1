/** One command: options in, a use case, its result out as text or as JSON. */
import type { Command } from "commander";
import { printable, printableJson } from "../printable.ts";
import type { CliIo, OutputStream, Session } from "./io.ts";
import { readGlobalOptions } from "./options.ts";

/**
 * How a result is shown. `json` follows the schema of the command in `schemas.ts`. A string is one line, whatever is in it: who
 * published an artifact must not add lines to what is said of it.
 */
export interface Shown {
  /** The result itself, on stdout: a line, or several. */
  readonly text: string | readonly string[];
  /** Notes for a person, on stderr, a line each. */
  readonly notes?: readonly string[];
  readonly json: object;
  /** Unless 0, the result itself says that something is wrong. */
  readonly exitCode?: number;
}

function writeLines(stream: OutputStream, lines: readonly string[]): void {
  if (lines.length > 0) stream.write(lines.map((line) => `${printable(line)}\n`).join(""));
}

/** Commands that show in full what does not count of the project's file. */
const showsLeftOut: ReadonlySet<string> = new Set(["config", "doctor"]);

/** Runs a use case with the global options of `command` and prints what `show` makes of its result. */
export async function runCommand(
  command: Command,
  io: CliIo,
  work: (session: Session) => Promise<Shown>,
): Promise<void> {
  const options = readGlobalOptions(command);
  const overrides = { ...options.overrides, showsLeftOut: showsLeftOut.has(command.name()) };
  const shown = await io.withSession(overrides, options.verbosity, work);
  if (shown.exitCode !== undefined) io.setExitCode(shown.exitCode);
  if (options.isJson) {
    io.stdout.write(`${printableJson(shown.json)}\n`);
    return;
  }
  if (!options.verbosity.isQuiet) writeLines(io.stderr, shown.notes ?? []);
  writeLines(io.stdout, typeof shown.text === "string" ? [shown.text] : shown.text);
}
