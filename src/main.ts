/** Executable: connects the process with the command line. Only this file prints errors. */
import { constants } from "node:os";
import { resolve } from "node:path";
import { compressorOfThread, serveCompression } from "./archive/compression-worker.ts";
import { runInForeground } from "./child/foreground.ts";
import type { CliIo, Verbosity } from "./cli/io.ts";
import { createOutput, outputError } from "./cli/output.ts";
import { runCli } from "./cli/program.ts";
import { createTerminalProgress, noProgress } from "./cli/progress.ts";
import { errorJson, formatError } from "./cli/report.ts";
import { createContext, surroundingsOf, withComposition } from "./compose.ts";
import { readConfigFiles } from "./config/file.ts";
import { readSettings } from "./config/settings.ts";
import type { Log } from "./context.ts";
import { asError, errorCodes, InterruptedError, isErrno } from "./errors.ts";
import { printable, printableJson } from "./printable.ts";
import { bundlePath } from "./version.ts";

const defaultColumns = 80;

function createLog({ isVerbose, isQuiet }: Verbosity): Log {
  const say = (line: string): void => void process.stderr.write(`${printable(line)}\n`);
  /** Printed warnings; several steps of a command may repeat a warning. */
  const warned = new Set<string>();
  return {
    debug: (message) => {
      if (isVerbose) say(message);
    },
    warn: (message) => {
      if (isQuiet || warned.has(message)) return;
      warned.add(message);
      say(`warning: ${message}`);
    },
  };
}

const interruption = new AbortController();

const io: CliIo = {
  stdout: createOutput(process.stdout),
  stderr: process.stderr,
  // A getter: opening standard input costs time, and only `login` reads standard input.
  get stdin() {
    return process.stdin;
  },
  terminal: process.stderr,
  setExitCode: (code) => {
    process.exitCode = code;
  },
  launcher: [...new Set([process.execPath, ...(process.argv[1] === undefined ? [] : [resolve(process.argv[1])])])],
  runProgram,
  async withSession(overrides, verbosity, work) {
    const { stderr } = process;
    const progress =
      verbosity.showsProgress && !verbosity.isVerbose && stderr.isTTY
        ? createTerminalProgress(stderr, stderr.columns || defaultColumns)
        : noProgress;
    const context = createContext({
      ...surroundingsOf(process),
      bundlePath,
      log: createLog(verbosity),
      progress,
    });
    const settings = readSettings(overrides, context, await readConfigFiles(context));
    try {
      return await withComposition(settings, context, interruption.signal, (services, run) => work({ services, run }));
    } finally {
      progress.stop();
    }
  },
};

const signals = { SIGHUP: "HUNG_UP", SIGINT: "INTERRUPTED", SIGTERM: "TERMINATED" } as const;

/** Runs a tool with the streams of this process, and ends as the tool ends. */
async function runProgram(program: string, args: readonly string[]): Promise<void> {
  const hasTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  for (const name of Object.keys(signals)) process.removeAllListeners(name);
  const end = await runInForeground({ program, args, env: process.env, hasTerminal }, process, process.platform);
  if ("exitCode" in end) {
    process.exitCode = end.exitCode;
    return;
  }
  // A shell reports the signal itself.
  process.kill(process.pid, end.signal);
  process.exitCode = 128 + (constants.signals[end.signal] ?? 0);
}

/**
 * Aborts the work at the first signal, so that the work cleans up. Exits at the second signal.
 */
function onSignal(name: keyof typeof signals): void {
  const code = signals[name];
  process.on(name, () => {
    if (!interruption.signal.aborted) interruption.abort(new InterruptedError(code, `stopped by ${name}`));
    // A closing terminal may send SIGHUP twice: from the system and from the shell.
    else if (name !== "SIGHUP") process.exit(errorCodes[code].exit);
  });
}

/** False if standard output fails. */
function tryPrint(text: string): boolean {
  try {
    io.stdout.write(text);
    return true;
  } catch {
    return false;
  }
}

/** Prints an error and sets the exit code. */
function report(thrown: unknown, argv: readonly string[]): void {
  const error = asError(interruption.signal.aborted ? interruption.signal.reason : thrown);
  process.exitCode = error.exitCode;
  // Words after `--` are a tool's.
  const own = argv.slice(0, argv.includes("--") ? argv.indexOf("--") : undefined);
  if (!own.includes("--json") || !tryPrint(`${printableJson(errorJson(error))}\n`)) {
    process.stderr.write(`${formatError(error)}\n`);
  }
  if (error.code === "INTERNAL" && (own.includes("-v") || own.includes("--verbose"))) {
    const stack = thrown instanceof Error ? (thrown.stack ?? "") : "";
    for (const line of stack.split("\n")) process.stderr.write(`  ${printable(line)}\n`);
  }
}

async function main(argv: readonly string[]): Promise<void> {
  onSignal("SIGHUP");
  onSignal("SIGINT");
  onSignal("SIGTERM");
  // A reader that stops early (`list … | head`) is not an error.
  process.stdout.on("error", (error) => {
    if (isErrno(error, "EPIPE")) process.exit(0);
    throw outputError(error);
  });
  // A failure of stderr cannot be reported anywhere.
  process.stderr.on("error", () => {});
  process.on("uncaughtException", (error) => {
    report(error, argv);
    endWhenWritten();
  });
  // The event loop is empty, and the work is unfinished: exit with an error's code, never with success.
  const onIdle = (): void => report(new Error("the work stopped before its end"), argv);
  process.once("beforeExit", onIdle);
  try {
    await runCli(argv, io);
  } catch (thrown) {
    report(thrown, argv);
  }
  process.off("beforeExit", onIdle);
}

/** Exits after the last write; Node's background work (compiling WebAssembly) would delay the exit by about 40 ms. */
function endWhenWritten(): void {
  process.stdout.write("", () => process.stderr.write("", () => process.exit()));
}

// A compression thread runs this file, too.
const compressor = compressorOfThread();
if (compressor !== undefined) void serveCompression(compressor);
else void main(process.argv.slice(2)).then(endWhenWritten);
