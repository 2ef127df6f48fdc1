/** Command-line program: commands, global options, help, usage errors. */
import { Command, CommanderError, Help } from "commander";
import { UsageError } from "../errors.ts";
import { version } from "../version.ts";
import { addBlob } from "./commands/blob.ts";
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
import { addPrune } from "./commands/prune.ts";
import { addPull } from "./commands/pull.ts";
import { addPush } from "./commands/push.ts";
import { addRun, addWhich } from "./commands/run.ts";
import { addEnv, addShim } from "./commands/shim.ts";
import { addTag } from "./commands/tag.ts";
import { addVerify } from "./commands/verify.ts";
import type { CliIo } from "./io.ts";
import { addGlobalOptions, withExplicitValues } from "./options.ts";

const examples = `
Examples:
  buck2-oras pull ghcr.io/acme/tools/protoc:33.0 -o tools
  buck2-oras lock add protoc ghcr.io/acme/tools/protoc:33.0
  buck2-oras push localhost:5000/tools/protoc:33.0 --platform linux-x86_64=./protoc

Exit codes: 0 done, 64 usage, 65 verification failed, 66 not found, 69 registry unavailable, 74 local files,
75 timed out, 77 authentication, 78 configuration.`;

/** Builds the program. @param argv Decides only whether the completion library is loaded. */
export async function createProgram(io: CliIo, argv: readonly string[]): Promise<Command> {
  const program = new Command("buck2-oras")
    .description("Fetches build tools from OCI registries: pinned by digest, verified, cached.")
    .version(`buck2-oras ${version}`, "--version", "print the version")
    .usage("[options] <command>")
    .addHelpText("after", examples)
    .configureHelp({ formatHelp, formatItem, subcommandTerm, minWidthToWrap: 12 })
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
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
    addClearCache(program, io),
    addPlatform(program, io),
    addConfig(program, io),
    ...addLock(program, io),
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
  explainUsage(program);
  return program;
}

/** Names of a command and its parents: `buck2-oras lock add`. */
function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** Question that suggests a command or option for an unknown word. */
function suggestionFor(error: CommanderError, command: Command, suggested: string | undefined): string | undefined {
  const [word] = command.args;
  const isOption =
    error.code === "commander.unknownCommand" && command.options.some(({ long }) => long === `--${word}`);
  return isOption
    ? `did you mean \`${pathOf(command)} --${word}\`?`
    : suggested?.replace(/^\(Did you mean (one of )?(.*)\?\)$/, (_, several, names) =>
        several === undefined ? `did you mean \`${names}\`?` : `did you mean one of ${names}?`,
      );
}

/** Converts Commander's error; undefined if Commander printed the requested help or version. */
function usageError(error: CommanderError, command: Command): UsageError | undefined {
  if (error.exitCode === 0) return undefined;
  const path = pathOf(command);
  if (error.code === "commander.help") {
    if (command.parent === null) {
      return new UsageError("USAGE_INVALID", "no command was given", {
        hint: `list the commands with \`${path} --help\``,
      });
    }
    const names = command.commands.map((one) => one.name()).join(", ");
    return new UsageError("USAGE_INVALID", `${path} needs a subcommand: ${names}`, {
      hint: `see \`${path} --help\` for a description of each subcommand`,
    });
  }
  const [message = "", suggested] = error.message.replace(/^error: /, "").split("\n");
  const suggestion = suggestionFor(error, command, suggested);
  const help = `for usage, see \`${path} --help\``;
  return new UsageError("USAGE_INVALID", message, {
    hint: suggestion === undefined ? help : `${suggestion} For usage, see \`${path} --help\``,
  });
}

/** Makes the usage errors of each command name the command. */
function explainUsage(command: Command): void {
  command.exitOverride((error) => {
    throw usageError(error, command) ?? error;
  });
  for (const one of command.commands) explainUsage(one);
}

/** Width in characters below which help has one column. */
const minColumnsWidth = 72;

/** Formats an option or command with its description: in two columns, or one below the other in a narrow terminal. */
function formatItem(term: string, termWidth: number, description: string, helper: Help): string {
  const width = helper.helpWidth ?? minColumnsWidth;
  if (width >= minColumnsWidth || description === "")
    return Help.prototype.formatItem.call(helper, term, termWidth, description, helper);
  const wrapped = helper.boxWrap(description, width - 6).replaceAll("\n", "\n      ");
  return `  ${term}\n      ${wrapped}`;
}

/** A command and its arguments, without its synonyms, which its own help names. */
function subcommandTerm(command: Command): string {
  return `${command.name()} ${command.usage().replace("[options] ", "")}`.replace(/ *\[options\]/, "").trimEnd();
}

/** Formats Commander's help with the global options last; readers look for the command's own options first. */
function formatHelp(command: Command, helper: Help): string {
  const sections = Help.prototype.formatHelp.call(helper, command, helper).trimEnd().split("\n\n");
  const isGlobal = (section: string): boolean => section.startsWith("Global options:");
  return `${[...sections.filter((one) => !isGlobal(one)), ...sections.filter(isGlobal)].join("\n\n")}\n`;
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
    const next = command.commands.find((one) => one.name() === word);
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
  try {
    await program.parseAsync(withExplicitValues(withHelpOfKnown(argv, program)), { from: "user" });
  } catch (error) {
    // Commander printed the requested help or version.
    if (!(error instanceof CommanderError)) throw error;
  }
}
