/** The executable: the process on one side, the command line on the other. The only printer of errors. */
import type { CliIo, Verbosity } from "./cli/io.ts";
import { createOutput, outputError } from "./cli/output.ts";
import { runCli } from "./cli/program.ts";
import { createTerminalProgress, noProgress } from "./cli/progress.ts";
import { errorJson, formatError } from "./cli/report.ts";
import { createContext, homeFolder, isRunningBy, userName, withComposition, workingFolder } from "./compose.ts";
import { readConfigFiles } from "./config/file.ts";
import { readSettings } from "./config/settings.ts";
import type { Log } from "./context.ts";
import { asError, errorCodes, InterruptedError, isErrno } from "./errors.ts";
import { printable, printableJson } from "./printable.ts";

const defaultColumns = 80;

function createLog({ isVerbose, isQuiet }: Verbosity): Log {
  const say = (line: string): void => void process.stderr.write(`${printable(line)}\n`);
  /** Warnings that were said: several steps of a command may notice the same. */
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
  // A getter: opening it costs time, and only a login reads it.
  get stdin() {
    return process.stdin;
  },
  terminal: process.stderr,
  setExitCode: (code) => {
    process.exitCode = code;
  },
  async withSession(overrides, verbosity, work) {
    const { stderr } = process;
    const progress =
      verbosity.showsProgress && !verbosity.isVerbose && stderr.isTTY
        ? createTerminalProgress(stderr, stderr.columns || defaultColumns)
        : noProgress;
    const context = createContext({
      env: process.env,
      user: userName(),
      userId: process.geteuid?.(),
      processId: process.pid,
      isRunning: isRunningBy(process.kill),
      cwd: workingFolder(process.cwd),
      homeDir: homeFolder(),
      os: process.platform,
      cpu: process.arch,
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

/**
 * The first signal lets the work clean up after itself, a second one ends the process. The listener stays: the lock
 * library kills the process when nobody else listens.
 */
function onSignal(name: keyof typeof signals): void {
  const code = signals[name];
  process.on(name, () => {
    if (!interruption.signal.aborted) interruption.abort(new InterruptedError(code, `stopped by ${name}`));
    // Of a terminal that closes, both the system and the shell tell.
    else if (name !== "SIGHUP") process.exit(errorCodes[code].exit);
  });
}

/** False when standard output does not take it. */
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
  if (!argv.includes("--json") || !tryPrint(`${printableJson(errorJson(error))}\n`)) {
    process.stderr.write(`${formatError(error)}\n`);
  }
  if (error.code === "INTERNAL" && (argv.includes("-v") || argv.includes("--verbose"))) {
    const stack = thrown instanceof Error ? (thrown.stack ?? "") : "";
    for (const line of stack.split("\n")) process.stderr.write(`  ${printable(line)}\n`);
  }
}

async function main(argv: readonly string[]): Promise<void> {
  onSignal("SIGHUP");
  onSignal("SIGINT");
  onSignal("SIGTERM");
  // A reader that has seen enough (`list … | head`) is no error.
  process.stdout.on("error", (error) => {
    if (isErrno(error, "EPIPE")) process.exit(0);
    throw outputError(error);
  });
  // What cannot be said there can be said nowhere.
  process.stderr.on("error", () => {});
  process.on("uncaughtException", (error) => {
    report(error, argv);
    endWhenWritten();
  });
  // Nothing is left to wait for, and yet the work is not done: never the exit code of success.
  const onIdle = (): void => report(new Error("the work stopped before its end"), argv);
  process.once("beforeExit", onIdle);
  try {
    await runCli(argv, io);
  } catch (thrown) {
    report(thrown, argv);
  }
  process.off("beforeExit", onIdle);
}

/** Ends at once: what Node does in the background (compiling WebAssembly) would hold the process for some 40 ms more. */
function endWhenWritten(): void {
  process.stdout.write("", () => process.stderr.write("", () => process.exit()));
}

void main(process.argv.slice(2)).then(endWhenWritten);
