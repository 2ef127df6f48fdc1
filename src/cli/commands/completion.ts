import type { Command } from "commander";
import { addGlobalOptions } from "../options.ts";

const shells = "bash, zsh, fish or powershell";

/**
 * `completion SHELL` prints the script; the script calls the hidden `complete -- …`, which the completion library answers.
 *
 * @param argv The library is loaded only when one of the two words is there: no other command pays for it.
 */
export async function addCompletion(program: Command, argv: readonly string[]): Promise<void> {
  if (argv.includes("completion") || argv.includes("complete")) {
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
        "The script is all that it prints: --json, --quiet and --verbose change nothing.",
    );
  addGlobalOptions(command);
}
