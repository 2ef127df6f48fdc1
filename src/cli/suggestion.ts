/** The command or option that was meant by an unknown word. */
import type { Command } from "commander";
import { nearestOf } from "../model/nearest.ts";

/** Options of other programs, with ours; only options that the command has are suggested. */
const otherOptions: Readonly<Record<string, readonly string[]>> = {
  "--yes": ["--delete", "--yes"],
  "--force": ["--delete", "--yes", "--shadow"],
  "--confirm": ["--delete", "--yes"],
  "--out": ["--output"],
  "--output-dir": ["--output"],
  "--dest": ["--output"],
  "--destination": ["--output"],
  "--dir": ["--output"],
  "--unpack": ["--extract"],
  "--untar": ["--extract"],
  "--keep": ["--keep-last"],
  "--days": ["--older-than"],
  "--age": ["--older-than"],
  "--user": ["--username"],
  "--os": ["--platform"],
  "--arch": ["--platform"],
  "--insecure": ["--plain-http"],
  "--http": ["--plain-http"],
  "--cacert": ["--ca-file"],
  "--debug": ["--verbose"],
  "--silent": ["--quiet"],
  "--no-network": ["--offline"],
  "--lockfile": ["--lock"],
  "--lock-file": ["--lock"],
};

/** @param flag As typed, such as `--ouput` or `--ouput=tools`. @returns The option with its dashes. */
export function optionFor(flag: string, command: Command): string | undefined {
  const word = flag.replace(/=.*$/s, "");
  const known = command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long }) => (long === undefined || long === null ? [] : [long]));
  const own = otherOptions[word]?.find((one) => known.includes(one));
  if (own !== undefined || !word.startsWith("--")) return own;
  const begun = known.filter((one) => word.length > "--x".length && one.startsWith(word));
  if (begun.length === 1) return begun[0];
  const names = known.filter((one) => one !== "--help" || word.startsWith("--h")).map((one) => one.slice("--".length));
  const name = nearestOf(word.slice("--".length), names);
  // Two letters are too much of a short word: `--foo` is no `--tag`.
  return name === undefined || word.length - "--".length < 4 ? undefined : `--${name}`;
}

/** @param suggested Commander's suggestions, which hold synonyms as well. @returns Names of commands. */
export function commandsFor(suggested: readonly string[], command: Command): readonly string[] {
  const named = suggested.map(
    (word) => command.commands.find((one) => one.name() === word || one.aliases().includes(word))?.name() ?? word,
  );
  return [...new Set(named)];
}
