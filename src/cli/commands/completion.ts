import { Argument, type Command } from "commander";
import { maxLevels } from "../../archive/compress.ts";
import { UsageError } from "../../errors.ts";
import { findLockFile } from "../../locking/find.ts";
import { platformStrings } from "../../model/platform.ts";
import { lockedNames } from "../../verbs/lock-list.ts";
import { completionScripts } from "../completion-scripts.ts";
import type { CliIo } from "../io.ts";

const shells = "bash, zsh, fish or powershell";

/** Values of options, by the option's name. */
const optionValues: Readonly<Record<string, readonly string[]>> = {
  "--platform": platformStrings,
  "--compression": [...Object.keys(maxLevels), "none"],
};

/**
 * Adds `completion SHELL`, which prints a script. The script calls `complete -- …`, a hidden command of the completion
 * library.
 *
 * @param argv The library is loaded only if the first word is `complete`.
 */
export async function addCompletion(program: Command, io: CliIo, argv: readonly string[]): Promise<readonly Command[]> {
  if (argv[0] === "complete") {
    prepare(program);
    await offerLockedNames(program, io, argv);
    const { default: tab } = await import("@bomb.sh/tab/commander");
    // The library's own `completion` command stays unused: the library's scripts make the shell evaluate typed text.
    tab(program, { completionCommandName: "completion" });
    return [];
  }
  const command = program
    .command("completion")
    .summary("print a shell completion script")
    .description(
      `Prints a completion script (${shells}). In bash: source <(buck2-oras completion bash)\n` +
        "The options --json, --quiet and --verbose do not change the script.",
    )
    .addArgument(
      new Argument("<shell>", "the shell that completes")
        .choices([...completionScripts.keys()])
        .argParser(scriptArgument),
    )
    .action((script: string) => void io.stdout.write(script));
  return [command];
}

/** Commands that take names of locked tools, and the argument with the names; the former are of `lock`. */
const lockCommandsOfTools: ReadonlySet<string> = new Set(["update", "remove", "export"]);
const commandsOfTools: ReadonlyMap<string, number> = new Map([
  ["run", 0],
  ["which", 0],
  ["prefetch", 0],
  ["env", 0],
  ["shim", 1],
]);

/** Offers the names in the project's lock; a lock that cannot be read offers none. */
async function offerLockedNames(program: Command, io: CliIo, argv: readonly string[]): Promise<void> {
  const takers = program.commands
    .filter((one) => one.name() === "lock" && argv.includes("lock"))
    .flatMap((lock) => lock.commands.filter((one) => lockCommandsOfTools.has(one.name())))
    .concat(program.commands.filter((one) => commandsOfTools.has(one.name())));
  if (!takers.some((one) => argv.includes(one.name()))) return;
  const quiet = { isVerbose: false, isQuiet: true, showsProgress: false };
  const names = await io
    .withSession({}, quiet, async ({ services }) => lockedNames(findLockFile(services)))
    .catch((): readonly string[] => []);
  for (const taker of takers) {
    const name = taker.registeredArguments[commandsOfTools.get(taker.name()) ?? 0];
    if (name !== undefined) name.argChoices = [...names];
    const only = taker.options.find(({ long }) => long === "--only");
    if (only !== undefined) only.argChoices = [...names];
  }
}

function scriptArgument(shell: string): string {
  const script = completionScripts.get(shell);
  if (script === undefined) {
    throw new UsageError("USAGE_INVALID", `no completion script for ${JSON.stringify(shell)}`, {
      hint: `choose ${shells}; for usage, see \`buck2-oras completion --help\``,
    });
  }
  return script;
}

/** Reduces text to one line without quotes: the protocol has one line per candidate, a tab before its description. */
function plain(text: string): string {
  return (text.split("\n", 1)[0] ?? "").replace(/[`$"'\\]/g, "");
}

/** Reduces every description to plain text, and adds the values of options. */
function prepare(command: Command): void {
  command.description(plain(command.summary() || command.description()));
  for (const option of command.options) {
    option.description = plain(option.description);
    const values = optionValues[option.long ?? ""];
    if (values !== undefined) option.argChoices = [...values];
  }
  for (const one of command.commands) prepare(one);
}
