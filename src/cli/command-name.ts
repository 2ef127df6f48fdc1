/**
 * The words that start this executable, as its caller types them: `buck2-oras`, or `buck2 run TARGET --`.
 *
 * Hints of all rooms say `buck2-oras …`. The words are replaced where the hints are printed.
 */

const name = "buck2-oras";

/** First argument of the target `//tools:oras`. */
const calledAs = "--called-as=";

/**
 * A target or an alias: no blanks, quotes or backticks, so that the printed command is one command; and neither an option
 * of Buck2 nor `@FILE` with options in the beginning.
 */
const target = /^[\w/:][\w@.+=,~/:-]{0,199}$/;

export interface Caller {
  readonly command: string;
  /** Arguments without the target's name. */
  readonly argv: readonly string[];
}

/** @param argv Arguments without the executable's name. */
export function readCaller(argv: readonly string[]): Caller {
  const [first = "", ...rest] = argv;
  if (!first.startsWith(calledAs)) return { command: name, argv };
  const called = first.slice(calledAs.length);
  return { command: target.test(called) ? `buck2 run ${called} --` : name, argv: rest };
}

/** Commands that begin a line or stand in backticks. */
const commands = new RegExp(`(^ *|\`|^Usage: )${name} (?=[a-z[-])`, "gm");

/** @param text Hint, note or help that names commands of this executable. */
export function withCommand(text: string, command: string): string {
  return command === name ? text : text.replace(commands, (_, before: string) => `${before}${command} `);
}
