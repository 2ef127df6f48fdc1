/** Runs one command with its global options. */
import type { Command } from "commander";
import type { CliIo } from "./io.ts";
import { projectOfLock } from "./lock-option.ts";
import { readGlobalOptions } from "./options.ts";
import { type CommandSession, type Shown, showWork } from "./show.ts";

/** Commands without the warning of ignored settings: they list the settings in full, or run at each call of a tool. */
const showsLeftOut: ReadonlySet<string> = new Set(["config", "doctor", "run", "which"]);

/** Calls `work` with the global options of `command` and prints the output. */
export async function runCommand(
  command: Command,
  io: CliIo,
  work: (session: CommandSession) => Promise<Shown>,
): Promise<void> {
  const { overrides, verbosity, isJson } = readGlobalOptions(command);
  const ofCommand = {
    showsLeftOut: showsLeftOut.has(command.name()),
    projectFrom: projectOfLock(command.opts<{ readonly lock?: string | readonly string[] }>()),
  };
  const typed = { command: command.name(), first: command.args[0] };
  await showWork({ typed, overrides: { ...overrides, ...ofCommand }, verbosity, isJson }, io, work);
}
