/** Requests of Buck2 to the worker: the command `blob` with its own options, whose output is part of the answer. */
import { AsyncLocalStorage } from "node:async_hooks";
import { Command } from "commander";
import { asError } from "../errors.ts";
import type { WorkerResponse } from "../worker/messages.ts";
import { addBlob } from "./commands/blob.ts";
import type { CliIo } from "./io.ts";
import { formatError } from "./report.ts";
import type { SharedServices } from "./services.ts";
import { usageError } from "./usage-error.ts";

/** The texts of the request that is under way. */
const textsOfRequest = new AsyncLocalStorage<string[]>();

/** Adds text of the shared services to the answer of the request that they work for; false outside of a request. */
export function writeToRequest(text: string): boolean {
  return textsOfRequest.getStore()?.push(text) !== undefined;
}

const nothing = { write: () => {} };

/** The command `blob` alone: global options are the worker's, and no other command serves requests. */
function programOf(io: CliIo): Command {
  const program = new Command("buck2-oras")
    .helpCommand(false)
    .configureOutput({ writeOut: () => {}, writeErr: () => {} });
  addBlob(program, io);
  for (const command of [program, ...program.commands]) {
    command.helpOption(false).exitOverride((error) => {
      throw usageError(error, command) ?? error;
    });
  }
  return program;
}

/** Answers as a process of its own would end: the same exit code, and the same text on stderr. */
export async function answerRequest(
  argv: readonly string[],
  signal: AbortSignal,
  io: CliIo,
  { request }: SharedServices,
): Promise<WorkerResponse> {
  const texts: string[] = [];
  let exitCode = 0;
  const ioOfRequest: CliIo = {
    paint: io.paint,
    terminal: io.terminal,
    get stdin() {
      return io.stdin;
    },
    launcher: io.launcher,
    command: io.command,
    runProgram: io.runProgram,
    withServices: io.withServices,
    stdout: nothing,
    stderr: { write: (text) => texts.push(text) },
    setExitCode: (code) => {
      exitCode = code;
    },
    withSession: (_overrides, _verbosity, work) =>
      request(signal, (services, run) => work({ services, run, cost: () => undefined })),
  };
  try {
    await textsOfRequest.run(texts, () => programOf(ioOfRequest).parseAsync(argv, { from: "user" }));
  } catch (thrown) {
    const error = asError(signal.aborted ? signal.reason : thrown);
    texts.push(`${formatError(error, { command: io.command })}\n`);
    exitCode = error.exitCode;
  }
  return { exitCode, stderr: texts.join("") };
}
