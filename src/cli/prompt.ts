/** Asks a person, or reads what was piped in. */
import { InterruptedError, UsageError } from "../errors.ts";
import { printable } from "../printable.ts";
import type { CliIo } from "./io.ts";

const maxSecretBytes = 64 * 1024;

/** Everything that standard input holds, without the newline at its end: a password that was piped in. */
export async function readSecretFromStdin({ stdin }: CliIo): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    size += bytes.byteLength;
    if (size > maxSecretBytes) {
      throw new UsageError("USAGE_INVALID", `standard input holds more than ${maxSecretBytes} bytes`, {
        hint: "pipe the password alone",
      });
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}

export interface Question {
  /** The thing that is asked for, as messages name it: `password`. */
  readonly what: string;
  /** With whom it is for, so that nobody types it for another: `Password for alice at ghcr.io`. */
  readonly prompt: string;
  /** Typed characters are not shown. */
  readonly isSecret: boolean;
}

/**
 * @throws {UsageError} nobody can be asked, or the input ended (Ctrl-D)
 * @throws {InterruptedError} Ctrl-C: at a prompt it is a key, and no signal
 */
export async function ask({ what, prompt, isSecret }: Question, io: CliIo, signal: AbortSignal): Promise<string> {
  const { stdin, stderr } = io;
  if (stdin.isTTY !== true || stderr.isTTY !== true) {
    throw new UsageError("USAGE_INVALID", `there is no terminal to ask for the ${what}`, {
      hint: "give --username USER and pipe the password into --password-stdin",
    });
  }
  const { read } = await import("read");
  const asking = read({ prompt: `${printable(prompt)}: `, silent: isSecret, input: stdin, output: io.terminal });
  // The library answers neither an end of input nor a signal.
  let stop: (error: Error) => void = () => {};
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = reject;
  });
  // It leaves off reading after an answer, too; that is there by then.
  const nothingGiven = new UsageError("USAGE_INVALID", `no ${what} was given`);
  const onEnd = (): void => void setImmediate(() => stop(nothingGiven));
  const onAbort = (): void => stop(signal.reason);
  stdin.once("pause", onEnd);
  signal.addEventListener("abort", onAbort, { once: true });
  // Only the end of a line that was shown moves the cursor; what is said next would stand behind the prompt.
  let isLineEnded = false;
  try {
    const answer = String(await Promise.race([asking, stopped]));
    isLineEnded = !isSecret;
    return answer;
  } catch (error) {
    // The library's own word for Ctrl-C at its prompt.
    if (!(error instanceof Error) || error.message !== "canceled") throw error;
    throw new InterruptedError("INTERRUPTED", "stopped by Ctrl-C at the prompt");
  } finally {
    if (!isLineEnded) stderr.write("\n");
    stdin.off("pause", onEnd);
    signal.removeEventListener("abort", onAbort);
  }
}
