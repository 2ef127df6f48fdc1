/** The executable: the process on one side, the command line on the other. The only printer of errors. */
import type { CliIo, Verbosity } from "./cli/io.ts";
import { runCli } from "./cli/program.ts";
import { createTerminalProgress, noProgress } from "./cli/progress.ts";
import { errorJson, formatError } from "./cli/report.ts";
import { createContext, homeFolder, userName, withComposition } from "./compose.ts";
import { readConfigFiles } from "./config/file.ts";
import { readSettings } from "./config/settings.ts";
import type { Log } from "./context.ts";
import { asError, errorCodes, InterruptedError, isErrno } from "./errors.ts";
import { printable, printableJson } from "./printable.ts";

const defaultColumns = 80;

function createLog({ isVerbose, isQuiet }: Verbosity): Log {
  const say = (line: string): void => void process.stderr.write(`${printable(line)}\n`);
  return {
    debug: (message) => {
      if (isVerbose) say(message);
    },
    warn: (message) => {
      if (!isQuiet) say(`warning: ${message}`);
    },
  };
}

const interruption = new AbortController();

const io: CliIo = {
  stdout: process.stdout,
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
      cwd: process.cwd(),
      homeDir: homeFolder(),
      os: process.platform,
      cpu: process.arch,
      log: createLog(verbosity),
      progress,
    });
    const settings = readSettings(overrides, context, await readConfigFiles(context));
    try {
      return await withComposition(settings, context, interruption.signal, (deps, signal) => work({ deps, signal }));
    } finally {
      progress.stop();
    }
  },
};

/**
 * The first signal lets the work clean up after itself, a second one ends the process. The listener stays: the lock
 * library kills the process when nobody else listens.
 */
function onSignal(name: "SIGINT" | "SIGTERM", code: "INTERRUPTED" | "TERMINATED"): void {
  process.on(name, () => {
    if (interruption.signal.aborted) process.exit(errorCodes[code].exit);
    interruption.abort(new InterruptedError(code, `stopped by ${name}`));
  });
}

/** Prints an error and sets the exit code. */
function report(thrown: unknown, argv: readonly string[]): void {
  const error = asError(interruption.signal.aborted ? interruption.signal.reason : thrown);
  process.exitCode = error.exitCode;
  if (argv.includes("--json")) process.stdout.write(`${printableJson(errorJson(error))}\n`);
  else process.stderr.write(`${formatError(error)}\n`);
  if (error.code === "INTERNAL" && (argv.includes("-v") || argv.includes("--verbose"))) {
    const stack = thrown instanceof Error ? (thrown.stack ?? "") : "";
    for (const line of stack.split("\n")) process.stderr.write(`  ${printable(line)}\n`);
  }
}

async function main(argv: readonly string[]): Promise<void> {
  onSignal("SIGINT", "INTERRUPTED");
  onSignal("SIGTERM", "TERMINATED");
  // A reader that has seen enough (`list … | head`) is no error.
  process.stdout.on("error", (error) => {
    if (isErrno(error, "EPIPE")) process.exit(0);
    throw error;
  });
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
