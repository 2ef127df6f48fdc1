/** Usage errors: Commander's messages with the command to write. */
import type { Command, CommanderError } from "commander";
import { UsageError } from "../errors.ts";
import { lockFileName } from "../lockfile/name.ts";
import { nearestOf } from "../model/nearest.ts";
import { commandsFor, optionFor } from "./suggestion.ts";

/** Words of other programs, with the command to write in code quotes. */
const otherNames: ReadonlyMap<string, string> = new Map(
  Object.entries({
    add: "`lock add NAME REF` to lock a tool",
    install: "`pull REF -o DIR` to place a tool, or `lock add NAME REF` to lock it",
    get: "`pull REF`",
    fetch: "`pull REF`",
    download: "`pull REF`",
    upload: "`push REF PATH`",
    publish: "`push REF PATH`",
    sbom: "`attach REF FILE`",
    discover: "`info REF`",
    cp: "`copy SOURCE DESTINATION`",
    remove: "`lock remove NAME` for a locked tool, `prune REPO` for old tags, or `clear-cache` for cached files",
    rm: "`lock remove NAME` for a locked tool, `prune REPO` for old tags, or `clear-cache` for cached files",
    uninstall: "`lock remove NAME` for a locked tool",
    delete: "`lock remove NAME` for a locked tool, or `prune REPO` for old tags",
    update: "`lock update` to look up the tags of the locked tools again",
    upgrade: "`lock update` to look up the tags of the locked tools again",
    check: "`lock check` for the lock, or `doctor REF` for a pull",
    tags: "`list REPO`",
    show: "`info REF`",
    manifest: "`info REF`",
    clean: "`clear-cache`",
  }),
);

/** Names of a command and its parents: `buck2-oras lock add`. */
function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** The command to write for a word of another program, also with a slip; undefined if our own names are nearer. */
function otherName(word: string, command: Command): string | undefined {
  const own = command.commands.flatMap((one) => [one.name(), ...one.aliases()]);
  return otherNames.get(word) ?? otherNames.get(nearestOf(word, [...own, ...otherNames.keys()]) ?? "");
}

/** Question that suggests commands or an option for an unknown word. */
function suggestionFor(error: CommanderError, command: Command, suggested = ""): string | undefined {
  const [word = ""] = command.args;
  if (error.code === "commander.unknownOption") {
    const option = optionFor(/'([^']*)'/.exec(error.message)?.[1] ?? "", command);
    return option === undefined ? undefined : `did you mean \`${option}\`?`;
  }
  if (error.code === "commander.unknownCommand" && command.options.some(({ long }) => long === `--${word}`)) {
    return `did you mean \`${pathOf(command)} --${word}\`?`;
  }
  const [, words] = /^\(Did you mean (?:one of )?(.*)\?\)$/.exec(suggested) ?? [];
  if (words === undefined) return undefined;
  const names = commandsFor(words.split(", "), command).map((name) => `\`${name}\``);
  return `did you mean ${names.join(" or ")}?`;
}

/** Explains a missing argument that an option took as its value, such as `copy --lock oci:mirror`. */
function takenWord(error: CommanderError, command: Command): string | undefined {
  if (error.code !== "commander.missingArgument") return undefined;
  const missing = /'([^']*)'/.exec(error.message)?.[1]?.toUpperCase();
  for (const option of command.options.filter(({ required }) => required)) {
    const name = option.attributeName();
    const value: unknown = command.getOptionValue(name);
    const word: unknown = Array.isArray(value) ? value.at(-1) : value;
    if (command.getOptionValueSource(name) !== "cli" || typeof word !== "string") continue;
    if (command.name() === "copy" && !word.endsWith(".json")) {
      return `write \`${pathOf(command)} --lock ${lockFileName} ${word}\`: ${option.long} took the next word as its value.`;
    }
    return `add ${missing}: ${option.long} took the next word, ${word}, as its value.`;
  }
  return undefined;
}

/** Names the choices for a missing argument or option. */
function missingChoice(error: CommanderError, command: Command): string | undefined {
  if (!/^commander\.missing(?:Argument|MandatoryOptionValue)$/.test(error.code)) return undefined;
  const missing = /'([^']*)'/.exec(error.message)?.[1];
  const option = command.options.find(({ flags }) => flags === missing);
  const argument = command.registeredArguments.find((one) => one.name() === missing);
  const [before, choices] = option === undefined ? ["", argument?.argChoices] : [`${option.long} `, option.argChoices];
  if (choices === undefined) return undefined;
  return `add ${choices.map((choice) => `\`${before}${choice}\``).join(" or ")}.`;
}

/** Converts Commander's error; undefined if Commander printed the requested help or version. */
export function usageError(error: CommanderError, command: Command): UsageError | undefined {
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
  const [word = ""] = command.args;
  const other =
    error.code === "commander.unknownCommand" && command.parent === null ? otherName(word, command) : undefined;
  if (other !== undefined) {
    return new UsageError("USAGE_INVALID", `unknown command '${word}'`, {
      hint: `write ${other}; for all commands, see \`${path} --help\``,
    });
  }
  const [message = "", suggested] = error.message.replace(/^error: /, "").split("\n");
  const suggestion =
    suggestionFor(error, command, suggested) ?? takenWord(error, command) ?? missingChoice(error, command);
  const help = `for usage, see \`${path} --help\``;
  return new UsageError("USAGE_INVALID", message, {
    hint: suggestion === undefined ? help : `${suggestion} For usage, see \`${path} --help\``,
  });
}
