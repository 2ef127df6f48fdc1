/** Formats an error as text (`error[CODE]: …`, causes, hint) or as one JSON object. */
import { errorCodes, type OrasClientError, oneLine } from "../errors.ts";
import { type Paint, plainPaint } from "./colour.ts";
import type { ErrorJson } from "./schemas.ts";

const maxCauses = 5;

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

export function formatError(error: OrasClientError, paint: Paint = plainPaint): string {
  const lines = [`${paint("red", `error[${error.code}]:`)} ${oneLine(error.message)}`];
  for (const cause of causesOf(error)) lines.push(`  ${paint("dim", "cause:")} ${cause}`);
  if (error.hint !== undefined) lines.push(`  ${paint("cyan", "hint:")} ${oneLine(error.hint)}`);
  return lines.join("\n");
}

export function errorJson(error: OrasClientError): ErrorJson {
  return {
    error: {
      code: error.code,
      message: oneLine(error.message),
      causes: causesOf(error),
      hint: error.hint === undefined ? null : oneLine(error.hint),
      exitCode: errorCodes[error.code].exit,
      retryable: error.isRetryable,
    },
  };
}
