import type { Command } from "commander";
import { maxLevels } from "../../archive/compress.ts";
import { platformStrings } from "../../model/platform.ts";
import { addGlobalOptions } from "../options.ts";

const shells = "bash, zsh, fish or powershell";

/** What options of these names take. */
const optionValues: Readonly<Record<string, readonly string[]>> = {
  "--platform": platformStrings,
  "--compression": [...Object.keys(maxLevels), "none"],
};

/**
 * `completion SHELL` prints the script; the script calls the hidden `complete -- …`, which the completion library answers.
 *
 * @param argv The library is loaded only when one of the two words is there: no other command pays for it.
 */
export async function addCompletion(program: Command, argv: readonly string[]): Promise<void> {
  if (argv.includes("completion") || argv.includes("complete")) {
    if (argv[0] === "complete") prepare(program);
    const { default: tab } = await import("@bomb.sh/tab/commander");
    tab(program, { completionCommandName: "completion" });
  } else {
    program.command("completion").argument("<shell>", shells);
  }
  const command = program.commands.find((one) => one.name() === "completion");
  if (command === undefined) throw new TypeError("the library has added no command");
  command
    .summary("print a shell completion script")
    .description(
      `Prints a completion script for a shell (${shells}): source <(buck2-oras completion bash)\n` +
        "The script is all that it prints: --json, --quiet and --verbose change nothing. In bash it needs the package\n" +
        "bash-completion.",
    );
  addGlobalOptions(command);
}

/** The protocol has a line for each candidate, and bash evaluates what is in it. */
function plain(text: string): string {
  return (text.split("\n", 1)[0] ?? "").replace(/[`$"'\\]/g, "");
}

/** Makes of every description what the protocol can carry, and says what options take. */
function prepare(command: Command): void {
  command.description(plain(command.summary() || command.description()));
  for (const option of command.options) {
    option.description = plain(option.description);
    const values = optionValues[option.long ?? ""];
    if (values !== undefined) option.argChoices = [...values];
  }
  for (const one of command.commands) prepare(one);
}
