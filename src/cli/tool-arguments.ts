/** Command lines of `run`: every word after the tool's name is the tool's, options too. */
import type { Command } from "commander";

/** Index of the first word at or after `start` that is neither an option of `command` nor an option's value. */
function firstWord(argv: readonly string[], start: number, command: Command): number {
  const index = argv.findIndex((text, at) => at >= start && !(text.startsWith("-") && text !== "-"));
  if (index <= start) return index;
  const before = argv[index - 1];
  const option = command.options.find(({ short, long }) => before === short || before === long);
  return option?.required === true ? firstWord(argv, index + 1, command) : index;
}

/** Puts `--` behind the tool's name, where the caller did not. */
export function withToolArguments(argv: readonly string[], program: Command): readonly string[] {
  const at = firstWord(argv, 0, program);
  const run = program.commands.find((one) => one.name() === "run");
  if (run === undefined || argv[at] !== "run") return argv;
  const tool = firstWord(argv, at + 1, run);
  // A `--` before the tool's name ends the options already.
  if (tool === -1 || argv.slice(at, tool).includes("--") || argv[tool + 1] === "--") return argv;
  return argv.toSpliced(tool + 1, 0, "--");
}
