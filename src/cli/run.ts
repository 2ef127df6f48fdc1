/** Runs one command: reads the global options, calls the use case, prints the result as text or JSON. */
import type { Command } from "commander";
import { printableJson } from "../printable.ts";
import { withCommand } from "./command-name.ts";
import type { CliIo, OutputStream, Session } from "./io.ts";
import { layOut, type Part } from "./layout.ts";
import { projectOfLock } from "./lock-option.ts";
import { explainingLockedName } from "./locked-name.ts";
import { readGlobalOptions } from "./options.ts";

/**
 * Output of a command. `json` follows the command's schema in `schemas/`. Each string is printed as one line, which a
 * terminal wraps: a publisher's text must not add lines.
 */
export interface Shown {
  /** Result on stdout, one line or several. */
  readonly text: string | readonly Part[];
  /** Notes for people on stderr. */
  readonly notes?: readonly Part[];
  /** Further notes, printed after the result. */
  readonly closingNotes?: readonly Part[];
  /** Result with `--quiet`, if it is shorter. */
  readonly quietText?: string;
  readonly json: object;
  /** Nonzero if the result reports a problem. */
  readonly exitCode?: number;
}

interface CommandSession extends Session {
  /** Prints lines of the result at once, unless `--json` is given. Strangers' text must be escaped already. */
  readonly printNow: (lines: readonly string[]) => void;
}

/** @param command Words that start this executable, in the place of `buck2-oras`. */
function writeNotes({ stderr, command }: CliIo, parts: readonly Part[] = []): void {
  const named = (text: string): string => withCommand(text, command);
  write(
    stderr,
    parts.map((part) => {
      if (typeof part === "string") return named(part);
      return "code" in part ? { code: part.code.map(named) } : part;
    }),
  );
}

function write(stream: OutputStream, parts: readonly Part[]): void {
  const lines = layOut(parts, stream.columns);
  if (lines.length > 0) stream.write(lines.map((line) => `${line}\n`).join(""));
}

/** Commands without the warning of ignored settings: they list the settings in full, or run at each call of a tool. */
const showsLeftOut: ReadonlySet<string> = new Set(["config", "doctor", "run", "which"]);

/** Calls `work` with the global options of `command` and prints the output. */
export async function runCommand(
  command: Command,
  io: CliIo,
  work: (session: CommandSession) => Promise<Shown>,
): Promise<void> {
  const options = readGlobalOptions(command);
  const overrides = {
    ...options.overrides,
    showsLeftOut: showsLeftOut.has(command.name()),
    projectFrom: projectOfLock(command.opts<{ readonly lock?: string | readonly string[] }>()),
  };
  const printNow = (lines: readonly string[]): void => {
    if (!options.isJson) io.stdout.write(lines.map((line) => `${line}\n`).join(""));
  };
  const typed = { command: command.name(), first: command.args[0] };
  const shown = await io.withSession(overrides, options.verbosity, (session) =>
    explainingLockedName(typed, session, () => work({ ...session, printNow })),
  );
  if (shown.exitCode !== undefined) io.setExitCode(shown.exitCode);
  if (options.isJson) {
    io.stdout.write(`${printableJson(shown.json)}\n`);
    return;
  }
  const { isQuiet } = options.verbosity;
  const text = isQuiet ? (shown.quietText ?? shown.text) : shown.text;
  if (!isQuiet) writeNotes(io, shown.notes);
  write(io.stdout, typeof text === "string" ? [text] : text);
  if (!isQuiet) writeNotes(io, shown.closingNotes);
}
