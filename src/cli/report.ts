/** Formats an error as text (`error[CODE]: …`, causes, hint) or as one JSON object. */
import type { Context } from "../context.ts";
import { errorCodes, type OrasClientError, oneLine, type Side } from "../errors.ts";
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
  /** True where a remote execution worker runs this process, and not the reader's machine. */
  readonly isWorker?: boolean;
}

/** Errors that are mended on the machine where the process ran. */
const sidesOfMachine: ReadonlySet<Side> = new Set(["denial", "network", "time", "local"]);

/**
 * True for an action that Buck2 sent to a remote execution worker: Buck2 names a scratch folder for each action, and the build only for the
 * actions that it starts itself.
 *
 * @see Buck2, app/buck2_execute_impl/src/executors/local.rs
 */
export function isRemoteAction(env: Context["env"]): boolean {
  return env.BUCK_SCRATCH_PATH !== undefined && env.BUCK_BUILD_ID === undefined;
}

export function formatError(error: OrasClientError, { paint = plainPaint, columns, ...reader }: Reader): string {
  const say = (colour: Colour, label: string, text: string): readonly string[] => {
    const name = label.trimStart();
    const indent = label.length - name.length;
    const isBeside = indent > 0 && (columns ?? 0) >= minColumnsBeside;
    const hanging = isBeside ? name.length + 1 : narrowIndent - indent;
    const [first = "", ...further] = wrapLine(`${label} ${text}`, columns, hanging);
    return [" ".repeat(indent) + paint(colour, name) + first.slice(label.length), ...further];
  };
  const hint = hintOf(error, reader);
  return [
    ...say("red", `error[${error.code}]:`, oneLine(error.message)),
    ...causesOf(error).flatMap((cause) => say("dim", "  cause:", cause)),
    ...(hint === undefined ? [] : say("cyan", "  hint:", hint)),
  ].join("\n");
}

function hintOf({ code, hint }: OrasClientError, { command, isWorker = false }: Reader): string | undefined {
  const isOfMachine = isWorker && sidesOfMachine.has(errorCodes[code].side);
  const where = "a remote execution worker ran this action: the login, network and disk of that machine count";
  const hints = [...(hint === undefined ? [] : [hint]), ...(isOfMachine ? [where] : [])];
  return hints.length === 0 ? undefined : oneLine(withCommand(hints.join("; "), command));
}

export function errorJson(error: OrasClientError, reader: Reader): ErrorJson {
  return {
    error: {
      code: error.code,
      message: oneLine(error.message),
      causes: causesOf(error),
      hint: hintOf(error, reader) ?? null,
      exitCode: errorCodes[error.code].exit,
      retryable: error.isRetryable,
    },
  };
}
