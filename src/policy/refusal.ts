/** Refusals by a policy: of one tool, and of several in one command. */
import { ContentVerificationError, type ErrorCode, type ErrorDetails } from "../errors.ts";

/** A tool that a policy does not let into the lock. Other tools of the command are still looked at, so that all are named. */
export class PolicyRefusal extends ContentVerificationError {
  readonly tool: string;

  constructor(code: ErrorCode, tool: string, message: string, details: ErrorDetails) {
    super(code, `${tool}: ${message}`, details);
    this.tool = tool;
  }
}

/** One error for all refused tools: names each. */
export function joinRefusals([first, ...others]: readonly PolicyRefusal[]): PolicyRefusal | undefined {
  if (first === undefined || others.length === 0) return first;
  const all = [first, ...others];
  const names = all.map(({ tool }) => tool).join(", ");
  return new PolicyRefusal(
    first.code,
    names,
    `refused, so nothing is written; ${all.map((one) => one.message).join("; ")}`,
    {
      hint: first.hint,
    },
  );
}
