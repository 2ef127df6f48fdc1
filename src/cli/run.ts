/** Runs one command: reads the global options, calls the use case, prints the result as text or JSON. */
import type { Command } from "commander";
import { printable, printableJson } from "../printable.ts";
import type { CliIo, OutputStream, Session } from "./io.ts";
import { readGlobalOptions } from "./options.ts";

/**
 * Output of a command. `json` follows the command's schema in `schemas.ts`. Each string is printed as one line: a
 * publisher's text must not add lines.
 */
export interface Shown {
  /** Result on stdout, one line or several. */
  readonly text: string | readonly string[];
  /** Notes for people on stderr, one line each. */
  readonly notes?: readonly string[];
  readonly json: object;
  /** Nonzero if the result reports a problem. */
  readonly exitCode?: number;
}

function writeLines(stream: OutputStream, lines: readonly string[]): void {
  if (lines.length > 0) stream.write(lines.map((line) => `${printable(line)}\n`).join(""));
}

/** Commands without the warning of ignored settings: they list the settings in full, or run at each call of a tool. */
const showsLeftOut: ReadonlySet<string> = new Set(["config", "doctor", "run", "which"]);

/** Calls `work` with the global options of `command` and prints the output. */
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
