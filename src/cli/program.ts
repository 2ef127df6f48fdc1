/** Command-line program: commands, global options, help, usage errors. */
import { Command, CommanderError } from "commander";
import { errorCodes } from "../errors.ts";
import { version } from "../version.ts";
import { withCommand } from "./command-name.ts";
import { addBlob } from "./commands/blob.ts";
import { addCache } from "./commands/cache.ts";
import { addClearCache } from "./commands/clear-cache.ts";
import { addCompletion } from "./commands/completion.ts";
import { addConfig } from "./commands/config.ts";
import { addCopy } from "./commands/copy.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addExtract } from "./commands/extract.ts";
import { addImport } from "./commands/import.ts";
import { addInfo } from "./commands/info.ts";
import { addInit } from "./commands/init.ts";
import { addList } from "./commands/list.ts";
import { addLock } from "./commands/lock.ts";
import { addLogin, addLogout } from "./commands/login.ts";
import { addPlatform } from "./commands/platform.ts";
import { addPrefetch } from "./commands/prefetch.ts";
import { addPrune } from "./commands/prune.ts";
import { addPull } from "./commands/pull.ts";
import { addPush } from "./commands/push.ts";
import { addRun, addWhich } from "./commands/run.ts";
import { addEnv, addShim } from "./commands/shim.ts";
import { addTag } from "./commands/tag.ts";
import { addVerify } from "./commands/verify.ts";
import { formatHelp, formatItem, subcommandTerm } from "./help.ts";
import { addHelpTexts, helpOfProgram } from "./help-texts.ts";
import type { CliIo } from "./io.ts";
import { addGlobalOptions, withExplicitValues } from "./options.ts";
import { withToolArguments } from "./tool-arguments.ts";
import { usageError } from "./usage-error.ts";

/** Builds the program. @param argv Decides only whether the completion library is loaded. */
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
  const commands = [
    addInit(program, io),
    addPull(program, io),
    addBlob(program, io),
    addExtract(program, io),
    addList(program, io),
    addInfo(program, io),
    addVerify(program, io),
    addCache(program, io),
    addClearCache(program, io),
    addPlatform(program, io),
    addConfig(program, io),
    ...addLock(program, io),
    addPrefetch(program, io),
    addRun(program, io),
    addWhich(program, io),
    addShim(program, io),
    addEnv(program, io),
    addPush(program, io),
    addCopy(program, io),
    addImport(program, io),
    addTag(program, io),
    addPrune(program, io),
    addLogin(program, io),
    addLogout(program, io),
    addDoctor(program, io),
  ];
  for (const command of commands) addGlobalOptions(command);
  await addCompletion(program, io, argv);
  for (const command of program.commands) addHelpTexts(command, command.name(), io.stdout.columns);
  explainUsage(program);
  return program;
}

/** Makes the usage errors of each command name the command. */
function explainUsage(command: Command): void {
  command.exitOverride((error) => {
    throw usageError(error, command) ?? error;
  });
  for (const one of command.commands) explainUsage(one);
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
    // Commander printed the requested help or version.
    if (!(error instanceof CommanderError)) throw error;
  }
}
