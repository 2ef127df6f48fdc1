/** Calls the use case of a command, and prints the result as text or JSON. */
import type { SettingsOverrides } from "../config/settings.ts";
import { printableJson } from "../printable.ts";
import { withCommand } from "./command-name.ts";
import type { CliIo, OutputStream, Session, Verbosity } from "./io.ts";
import { layOut, type Part } from "./layout.ts";
import { explainingLockedName } from "./locked-name.ts";

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

export interface CommandSession extends Session {
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

export interface CommandCall {
  /** The command, and its first argument. */
  readonly typed: { readonly command: string; readonly first: string | undefined };
  readonly overrides: SettingsOverrides;
  readonly verbosity: Verbosity;
  readonly isJson: boolean;
}

/** Calls `work` and prints what it shows. */
export async function showWork(
  { typed, overrides, verbosity, isJson }: CommandCall,
  io: CliIo,
  work: (session: CommandSession) => Promise<Shown>,
): Promise<void> {
  const printNow = (lines: readonly string[]): void => {
    if (!isJson) io.stdout.write(lines.map((line) => `${line}\n`).join(""));
  };
  const shown = await io.withSession(overrides, verbosity, (session) =>
    explainingLockedName(typed, session, () => work({ ...session, printNow })),
  );
  if (shown.exitCode !== undefined) io.setExitCode(shown.exitCode);
  if (isJson) {
    io.stdout.write(`${printableJson(shown.json)}\n`);
    return;
  }
  const { isQuiet } = verbosity;
  const text = isQuiet ? (shown.quietText ?? shown.text) : shown.text;
  if (!isQuiet) writeNotes(io, shown.notes);
  write(io.stdout, typeof text === "string" ? [text] : text);
  if (!isQuiet) writeNotes(io, shown.closingNotes);
}
