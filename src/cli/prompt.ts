/** Prompts on a terminal, and secrets from piped input. */
import { InterruptedError, UsageError } from "../errors.ts";
import { printable } from "../printable.ts";
import type { CliIo } from "./io.ts";

const maxSecretBytes = 64 * 1024;

/** Reads a piped password: all of standard input, without the final newline. */
export async function readSecretFromStdin({ stdin }: CliIo): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    size += bytes.byteLength;
    if (size > maxSecretBytes) {
      throw new UsageError("USAGE_INVALID", `standard input holds more than ${maxSecretBytes} bytes`, {
        hint: "pipe only the password",
      });
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}

export interface Question {
  /** Name of the answer in messages: `password`. */
  readonly what: string;
  /** Text that names user and registry, against mix-ups: `Password for alice at ghcr.io`. */
  readonly prompt: string;
  /** Typed characters are not shown. */
  readonly isSecret: boolean;
  /** The way to answer without a terminal. */
  readonly hint: string;
}

/**
 * @throws {UsageError} no terminal, or the input ended (Ctrl-D)
 * @throws {InterruptedError} Ctrl-C, which at a prompt is a key and not a signal
 */
export async function ask({ what, prompt, isSecret, hint }: Question, io: CliIo, signal: AbortSignal): Promise<string> {
  const { stdin, stderr } = io;
  if (stdin.isTTY !== true || stderr.isTTY !== true) {
    throw new UsageError("USAGE_INVALID", `the prompt for the ${what} needs a terminal`, {
      hint,
    });
  }
  const { read } = await import("read");
  const asking = read({ prompt: `${printable(prompt)}: `, silent: isSecret, input: stdin, output: io.terminal });
  // The library `read` settles neither at the end of input nor on a signal.
  let stop: (error: Error) => void = () => {};
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = reject;
  });
  // stdin also pauses after an answer; `setImmediate` lets the answer win.
  const nothingGiven = new UsageError("USAGE_INVALID", `no ${what} was given`);
  const onEnd = (): void => void setImmediate(() => stop(nothingGiven));
  const onAbort = (): void => stop(signal.reason);
  stdin.once("pause", onEnd);
  signal.addEventListener("abort", onAbort, { once: true });
  // Only a visible answer ends the line; otherwise the next message would follow the prompt on the same line.
  let isLineEnded = false;
  try {
    const answer = String(await Promise.race([asking, stopped]));
    isLineEnded = !isSecret;
    return answer;
  } catch (error) {
    // The library reports Ctrl-C by this message alone.
    if (!(error instanceof Error) || error.message !== "canceled") throw error;
    throw new InterruptedError("INTERRUPTED", "stopped by Ctrl-C at the prompt");
  } finally {
    if (!isLineEnded) stderr.write("\n");
    stdin.off("pause", onEnd);
    signal.removeEventListener("abort", onAbort);
  }
}
