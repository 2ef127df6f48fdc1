/** Refusals by a policy, or by what a lock recorded: of one tool, and of several in one command. */
import { ContentVerificationError, type ErrorCode, type ErrorDetails } from "../errors.ts";

export interface RefusalDetails extends ErrorDetails {
  /** Options that accept the change, as words for a shell; a person must find out why first. */
  readonly accepts?: readonly string[];
}

/**
 * An option that accepts a stranger's text. A text with other characters stays out of the command: whoever copies the command may have any
 * shell, and no quotes hold in all of them. In cmd, `&` ends a command within single quotes; in PowerShell, a comma makes two
 * arguments.
 */
export function acceptingOption(name: "--accept-signer" | "--accept-source", value: string): string {
  const isWord = /^[A-Za-z0-9][A-Za-z0-9_./:@+=-]*$/.test(value);
  return `${name} ${isWord ? value : name.slice("--accept-".length).toUpperCase()}`;
}

/** The next step for changes that options accept. */
function acceptingHint(options: readonly string[]): string {
  const different = [...new Set(options)];
  const isWhole = !different.some((one) => / [A-Z]+$/.test(one));
  const quoting = isWhole ? "" : ", and write what the message names, quoted for your shell";
  return `find out why; add ${different.join(" ")} to accept ${different.length === 1 ? "the change" : "the changes"}${quoting}`;
}

/** A tool that a policy does not let into the lock. Other tools of the command are still looked at, so that all are named. */
export class PolicyRefusal extends ContentVerificationError {
  readonly tool: string;
  /** The message without the tool's name. */
  readonly reason: string;
  readonly accepts: readonly string[];

  constructor(code: ErrorCode, tool: string, message: string, { accepts = [], ...details }: RefusalDetails) {
    super(code, `${tool}: ${message}`, accepts.length === 0 ? details : { ...details, hint: acceptingHint(accepts) });
    this.tool = tool;
    this.reason = message;
    this.accepts = accepts;
  }
}

/** One hint for each kind of refusal; all options that accept a change stand together, so that one more call is enough. */
function hintFor(refusals: readonly PolicyRefusal[]): string | undefined {
  const firstOfCode = new Map(refusals.toReversed().map((one) => [one.code, one]));
  const steps = refusals
    .filter((one) => one.accepts.length === 0 && firstOfCode.get(one.code) === one)
    .flatMap(({ hint }) => (hint === undefined ? [] : [hint]));
  const options = refusals.flatMap(({ accepts }) => accepts);
  const hints = [...steps, ...(options.length === 0 ? [] : [acceptingHint(options)])];
  return hints.length === 0 ? undefined : hints.join("; ");
}

/** One error for all refusals, by the names of the tools. */
export function joinRefusals(refusals: readonly PolicyRefusal[]): PolicyRefusal | undefined {
  const sorted = refusals.toSorted((one, other) => (one.tool < other.tool ? -1 : one.tool > other.tool ? 1 : 0));
  const [first, ...others] = sorted;
  if (first === undefined || others.length === 0) return first;
  const names = [...new Set(sorted.map(({ tool }) => tool))];
  const reasons = sorted.map((one) => (names.length === 1 ? one.reason : one.message));
  const message = `refused, so nothing is written; ${reasons.join("; ")}`;
  return new PolicyRefusal(first.code, names.join(", "), message, { hint: hintFor(sorted) });
}
