/** Usage errors: Commander's messages with the command to write. */
import type { Command, CommanderError } from "commander";
import { UsageError } from "../errors.ts";

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
  if (error.code === "commander.unknownCommand" && command.parent === null && otherNames.has(word)) {
    return new UsageError("USAGE_INVALID", `unknown command '${word}'`, {
      hint: `write ${otherNames.get(word)}; for all commands, see \`${path} --help\``,
    });
  }
  const [message = "", suggested] = error.message.replace(/^error: /, "").split("\n");
  const suggestion = suggestionFor(error, command, suggested);
  const help = `for usage, see \`${path} --help\``;
  return new UsageError("USAGE_INVALID", message, {
    hint: suggestion === undefined ? help : `${suggestion} For usage, see \`${path} --help\``,
  });
}
