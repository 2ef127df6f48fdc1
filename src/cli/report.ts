/** Formats an error as text (`error[CODE]: …`, causes, hint) or as one JSON object. */
import { errorCodes, type OrasClientError, oneLine } from "../errors.ts";
import { type Colour, type Paint, plainPaint } from "./colour.ts";
import { withCommand } from "./command-name.ts";
import type { ErrorJson } from "./schemas.ts";
import { wrapLine } from "./wrap.ts";

const maxCauses = 5;
/** Width from which a wrapped hint stays beside its label. */
const minColumnsBeside = 60;
/** Indent of a wrapped error, and of what is below a label in a narrower terminal. */
const narrowIndent = 4;

function causesOf(error: Error): string[] {
  const causes: string[] = [];
  let cause: unknown = error.cause;
  while (cause instanceof Error && causes.length < maxCauses) {
    const text = oneLine(cause.message) || cause.name;
    if (!causes.includes(text) && text !== error.message) causes.push(text);
    cause = cause.cause;
  }
  return causes;
}

interface Reader {
  readonly paint?: Paint;
  /** Width of the terminal; undefined without a terminal. */
  readonly columns?: number | undefined;
  /** Words that start this executable. */
  readonly command: string;
}

export function formatError(error: OrasClientError, { paint = plainPaint, columns, command }: Reader): string {
  const say = (colour: Colour, label: string, text: string): readonly string[] => {
    const name = label.trimStart();
    const indent = label.length - name.length;
    const isBeside = indent > 0 && (columns ?? 0) >= minColumnsBeside;
    const hanging = isBeside ? name.length + 1 : narrowIndent - indent;
    const [first = "", ...further] = wrapLine(`${label} ${text}`, columns, hanging);
    return [" ".repeat(indent) + paint(colour, name) + first.slice(label.length), ...further];
  };
  return [
    ...say("red", `error[${error.code}]:`, oneLine(error.message)),
    ...causesOf(error).flatMap((cause) => say("dim", "  cause:", cause)),
    ...(error.hint === undefined ? [] : say("cyan", "  hint:", hintOf(error.hint, command))),
  ].join("\n");
}

function hintOf(hint: string, command: string): string {
  return oneLine(withCommand(hint, command));
}

export function errorJson(error: OrasClientError, { command }: Reader): ErrorJson {
  return {
    error: {
      code: error.code,
      message: oneLine(error.message),
      causes: causesOf(error),
      hint: error.hint === undefined ? null : hintOf(error.hint, command),
      exitCode: errorCodes[error.code].exit,
      retryable: error.isRetryable,
    },
  };
}
