import { type Command, InvalidArgumentError } from "commander";
import { maxLevels } from "../../archive/compress.ts";
import { platformStrings } from "../../model/platform.ts";
import { completionScripts } from "../completion-scripts.ts";
import type { CliIo } from "../io.ts";
import { addGlobalOptions } from "../options.ts";

const shells = "bash, zsh, fish or powershell";

/** Values that options of these names take. */
const optionValues: Readonly<Record<string, readonly string[]>> = {
  "--platform": platformStrings,
  "--compression": [...Object.keys(maxLevels), "none"],
};

/**
 * `completion SHELL` prints the script; the script calls the hidden `complete -- …`, which the completion library answers.
 *
 * @param argv The library is loaded only when the first word asks for it: no other command pays for it.
 */
export async function addCompletion(program: Command, io: CliIo, argv: readonly string[]): Promise<void> {
  if (argv[0] === "complete") {
    prepare(program);
    const { default: tab } = await import("@bomb.sh/tab/commander");
    // Its own `completion`, which nobody calls here: its scripts have the shell evaluate what is typed.
    tab(program, { completionCommandName: "completion" });
    return;
  }
  const command = program
    .command("completion")
    .summary("print a shell completion script")
    .description(
      `Prints a completion script for a shell (${shells}): source <(buck2-oras completion bash)\n` +
        "The script is all that it prints: --json, --quiet and --verbose change nothing.",
    )
    .argument("<shell>", shells, scriptArgument)
    .action((script: string) => void io.stdout.write(script));
  addGlobalOptions(command);
}

function scriptArgument(shell: string): string {
  const script = completionScripts.get(shell);
  if (script === undefined) throw new InvalidArgumentError(`It is ${shells}.`);
  return script;
}

/** The protocol has a line for each candidate, and a tab before its description. */
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
