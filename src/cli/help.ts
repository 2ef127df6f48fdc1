/** Layout of the help. */
import { type Command, Help } from "commander";

/** Width in characters below which help has one column. */
const minColumnsWidth = 72;

/** Formats an option or command with its description: in two columns, or one below the other in a narrow terminal. */
export function formatItem(term: string, termWidth: number, description: string, helper: Help): string {
  const width = helper.helpWidth ?? minColumnsWidth;
  if (width >= minColumnsWidth || description === "")
    return Help.prototype.formatItem.call(helper, term, termWidth, description, helper);
  const wrapped = helper.boxWrap(description, width - 6).replaceAll("\n", "\n      ");
  return `  ${term}\n      ${wrapped}`;
}

/** A command and its arguments, without its synonyms, which its own help names. */
export function subcommandTerm(command: Command): string {
  return `${command.name()} ${command.usage().replace("[options] ", "")}`.replace(/ *\[options\]/, "").trimEnd();
}

/** Formats Commander's help with the global options last; readers look for the command's own options first. */
export function formatHelp(command: Command, helper: Help): string {
  const sections = Help.prototype.formatHelp.call(helper, command, helper).trimEnd().split("\n\n");
  const isGlobal = (section: string): boolean => section.startsWith("Global options:");
  return `${[...sections.filter((one) => !isGlobal(one)), ...sections.filter(isGlobal)].join("\n\n")}\n`;
}
