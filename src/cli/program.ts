/** Command-line program: commands, global options, help, usage errors. */
import { Command, type CommanderError } from "commander";
import { errorCodes } from "../errors.ts";
import { version } from "../version.ts";
import { withCommand } from "./command-name.ts";
import { addCommands } from "./command-table.ts";
import { formatHelp, formatItem, subcommandTerm } from "./help.ts";
import { addHelpTexts, helpOfProgram } from "./help-texts.ts";
import type { CliIo } from "./io.ts";
import { addGlobalOptions, withExplicitValues } from "./options.ts";
import { withToolArguments } from "./tool-arguments.ts";

/** Builds the program. @param argv Arguments without the executable's name; the first word decides what is loaded. */
export async function createProgram(io: CliIo, argv: readonly string[]): Promise<Command> {
  const program = new Command("buck2-oras")
    .description("Fetches build tools from OCI registries: pinned by digest, verified, cached.")
    .version(`buck2-oras ${version}`, "-V, --version", "print the version")
    .usage("[options] <command>")
    .addHelpText("after", helpOfProgram(io.stdout.columns))
    .configureHelp({ formatHelp, formatItem, subcommandTerm, minWidthToWrap: 12 })
    .configureOutput({
      writeOut: (text) => void io.stdout.write(withCommand(text, io.command)),
      // `main.ts` prints usage errors like all other errors.
      writeErr: () => {},
      outputError: () => {},
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
    });
  addGlobalOptions(program);
  await addCommands(program, io, argv);
  for (const command of program.commands) addHelpTexts(command, command.name(), io.stdout.columns);
  nameInErrors(program);
  return program;
}

/** Stop of Commander: an error, or the requested help or version, with the command that stopped. */
class StoppedByCommander extends Error {
  readonly error: CommanderError;
  readonly command: Command;

  constructor(error: CommanderError, command: Command) {
    super(error.message);
    this.error = error;
    this.command = command;
  }
}

/** Makes the usage errors of each command name the command. */
function nameInErrors(command: Command): void {
  command.exitOverride((error) => {
    throw new StoppedByCommander(error, command);
  });
  for (const one of command.commands) nameInErrors(one);
}

/** Rewrites `help lock add` to `lock add --help`. An unknown command loses its `--help` and becomes a usage error. */
function withHelpOfKnown(argv: readonly string[], program: Command): readonly string[] {
  const firstOption = argv.findIndex((word) => word.startsWith("-"));
  const words = firstOption === -1 ? argv : argv.slice(0, firstOption);
  const path = words.filter((word, index) => word !== "help" || index > 1);
  const asksByWord = path.length < words.length;
  if (path.length === 0 || !(asksByWord || argv.includes("--help") || argv.includes("-h"))) return argv;
  let command = program;
  for (const word of path) {
    if (command.commands.length === 0) break;
    const next = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (next === undefined) return path;
    command = next;
  }
  return asksByWord ? [...path, "--help"] : argv;
}

/**
 * Runs one command line.
 *
 * @param argv Arguments without the executable's name.
 * @throws {OrasClientError} for every failure; the caller prints the error
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<void> {
  const program = await createProgram(io, argv);
  const known =
    argv[0] === "version"
      ? ["--version", ...argv.slice(1)]
      : withHelpOfKnown(withToolArguments(argv, program), program);
  if (argv.length === 0) {
    // A person who types only the name reads the help; for a script, a missing command stays an error.
    program.outputHelp();
    io.setExitCode(errorCodes.USAGE_INVALID.exit);
    return;
  }
  try {
    await program.parseAsync(withExplicitValues(known), { from: "user" });
  } catch (error) {
    if (!(error instanceof StoppedByCommander)) throw error;
    const { usageError } = await import("./usage-error.ts");
    const explained = usageError(error.error, error.command);
    // Undefined: Commander printed the requested help or version.
    if (explained !== undefined) throw explained;
  }
}
