/** Executable: connects the process with the command line. Only this file prints errors. */
import { constants } from "node:os";
import { resolve } from "node:path";
import { roleKey } from "./archive/compression-threads.ts";
import { readBlobLine, runBlobLine } from "./cli/action-line.ts";
import { obeysCursor, paintFor } from "./cli/colour.ts";
import { readCaller, withCommand } from "./cli/command-name.ts";
import type { CliIo, OutputStream, Verbosity } from "./cli/io.ts";
import { createMeter } from "./cli/meter.ts";
import { StandardOutput } from "./cli/output.ts";
import type { LiveProgress } from "./cli/progress.ts";
import { errorJson, formatError, isRemoteAction } from "./cli/report.ts";
import { createPlainTerminalProgress, createTransferLines } from "./cli/transfer-lines.ts";
import { wrapLine } from "./cli/wrap.ts";
import { withComposition, withSharedComposition } from "./compose.ts";
import { readConfigFiles } from "./config/file.ts";
import { readSettings, type Settings, type SettingsOverrides } from "./config/settings.ts";
import { type Context, type Log, noProgress, type Progress } from "./context.ts";
import { asError, errorCodes, InterruptedError } from "./errors.ts";
import { printable, printableJson } from "./printable.ts";
import { createContext, surroundingsOf } from "./surroundings.ts";
import { bundlePath } from "./version.ts";

const { env } = process;
const { command, argv: commandLine } = readCaller(process.argv.slice(2));
/** Whether Node and the bundle are one file (`scripts/package.mjs`). */
const isStandalone = bundlePath === process.execPath;
const stdout = new StandardOutput(
  1,
  () => process.stdout,
  process.platform,
  (error) => {
    throw error;
  },
);
// A failure of stderr cannot be reported anywhere.
const stderr = new StandardOutput(
  2,
  () => process.stderr,
  process.platform,
  () => {},
);
const paintOfErrors = paintFor(stderr, env);

/** The progress on the terminal, which other output must not overwrite. */
let live: LiveProgress = { ...noProgress, clear: () => {}, stop: () => {} };
/** Counts the transfers of the command. */
let meter = createMeter(noProgress, false);

function writeToStderr(text: string): void {
  live.clear();
  stderr.write(text);
}

/** Lines of an escaped line of prose, wrapped on a terminal. */
function wrapped(line: string): string {
  return wrapLine(line, stderr.columns).join("\n");
}

function createLog({ isVerbose, isQuiet }: Verbosity, write: (text: string) => void): Log {
  const say = (line: string): void => write(`${line}\n`);
  /** Printed warnings; several steps of a command may repeat a warning. */
  const warned = new Set<string>();
  return {
    debug: (message) => {
      if (isVerbose) say(wrapped(printable(message)));
    },
    warn: (message) => {
      if (isQuiet || warned.has(message)) return;
      warned.add(message);
      const label = "warning:";
      const text = withCommand(`${label} ${printable(message)}`, command);
      say(paintOfErrors("yellow", label) + wrapped(text).slice(label.length));
    },
  };
}

async function createProgress({ showsProgress, isVerbose }: Verbosity): Promise<Progress> {
  if (!showsProgress) return noProgress;
  const say = (line: string): void => stderr.write(`${wrapped(line)}\n`);
  // `--verbose` prints each step, and what is awaited is the last step.
  if (isVerbose || !stderr.isTTY) return createTransferLines(say);
  if (!obeysCursor(stderr, env)) return createPlainTerminalProgress(say);
  const { createTerminalProgress } = await import("./cli/progress.ts");
  const progress = createTerminalProgress(stderr);
  live = progress;
  return progress;
}

/** A stream whose text never lands between the lines of the progress. */
function besideProgress(stream: OutputStream): OutputStream {
  return {
    write: (text) => {
      live.clear();
      return stream.write(text);
    },
    isTTY: stream.isTTY,
    get columns() {
      return stream.columns;
    },
  };
}

/** The bundle of a standalone executable, which Node keeps a copy of for this question. */
async function bundleText(): Promise<string> {
  const { getAsset } = await import("node:sea");
  return getAsset("buck2-oras.cjs", "utf8");
}

/** Reads the surroundings and the settings of the process. */
async function settle(
  overrides: SettingsOverrides,
  log: Log,
  progress: Progress,
): Promise<{ readonly settings: Settings; readonly context: Context }> {
  const context = createContext({
    ...surroundingsOf(process),
    threadCode: isStandalone ? bundleText : bundlePath,
    log,
    progress,
  });
  const files = await readConfigFiles({ ...context, cwd: overrides.projectFrom ?? context.cwd });
  return { settings: readSettings(overrides, context, files), context };
}

const interruption = new AbortController();

const io: CliIo = {
  stdout: besideProgress(stdout),
  stderr: besideProgress(stderr),
  paint: paintFor(stdout, env),
  // A getter: opening standard input costs time, and only `login` reads standard input.
  get stdin() {
    return process.stdin;
  },
  get terminal() {
    return process.stderr;
  },
  setExitCode: (code) => {
    process.exitCode = code;
  },
  launcher:
    isStandalone || process.argv[1] === undefined ? [process.execPath] : [process.execPath, resolve(process.argv[1])],
  runProgram,
  command,
  async withSession(overrides, verbosity, work) {
    const progress = await createProgress(verbosity);
    meter = createMeter(progress, progress !== noProgress && progress !== live);
    const { cost } = meter;
    const { settings, context } = await settle(overrides, createLog(verbosity, writeToStderr), meter);
    try {
      return await withComposition(settings, context, interruption.signal, (services, run) =>
        work({ services, run, cost }),
      );
    } finally {
      live.stop();
    }
  },
  async withServices(overrides, verbosity, write, work) {
    const { settings, context } = await settle(overrides, createLog(verbosity, write), noProgress);
    return await withSharedComposition(settings, context, interruption.signal, work);
  },
};

const signals = { SIGHUP: "HUNG_UP", SIGINT: "INTERRUPTED", SIGTERM: "TERMINATED" } as const;

/** Runs a tool with the streams of this process, and ends as the tool ends. */
async function runProgram(program: string, args: readonly string[]): Promise<void> {
  const { runInForeground } = await import("./child/foreground.ts");
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
    const hint = meter.keptHint();
    if (!interruption.signal.aborted) interruption.abort(new InterruptedError(code, `stopped by ${name}`, { hint }));
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
  const reader = { command, isWorker: isRemoteAction(env) };
  // Words after `--` are a tool's.
  const own = argv.slice(0, argv.includes("--") ? argv.indexOf("--") : undefined);
  if (!own.includes("--json") || !tryPrint(`${printableJson(errorJson(error, reader))}\n`)) {
    writeToStderr(`${formatError(error, { ...reader, paint: paintOfErrors, columns: stderr.columns })}\n`);
  }
  if (error.code === "INTERNAL" && (own.includes("-v") || own.includes("--verbose"))) {
    const stack = thrown instanceof Error ? (thrown.stack ?? "") : "";
    for (const line of stack.split("\n")) writeToStderr(`  ${printable(line)}\n`);
  }
}

async function main(argv: readonly string[]): Promise<void> {
  onSignal("SIGHUP");
  onSignal("SIGINT");
  onSignal("SIGTERM");
  process.on("uncaughtException", (error) => {
    report(error, argv);
    endWhenWritten();
  });
  // The event loop is empty, and the work is unfinished: exit with an error's code, never with success.
  const onIdle = (): void => report(new Error("the work stopped before its end"), argv);
  process.once("beforeExit", onIdle);
  try {
    const line = readBlobLine(argv);
    if (line === undefined) await (await import("./cli/program.ts")).runCli(argv, io);
    else await runBlobLine(line, io);
  } catch (thrown) {
    report(thrown, argv);
  }
  process.off("beforeExit", onIdle);
}

/** Exits after the last write; Node's background work (compiling WebAssembly) would delay the exit by about 40 ms. */
function endWhenWritten(): void {
  stdout.whenWritten(() => stderr.whenWritten(() => process.exit()));
}

/** A compression thread runs this file, too. The argument alone proves nothing: a tool may have such an argument. */
async function servesCompression(): Promise<boolean> {
  if (!process.argv.includes(roleKey)) return false;
  const { compressorOfThread, serveCompression } = await import("./archive/compression-worker.ts");
  const compressor = compressorOfThread();
  if (compressor !== undefined) await serveCompression(compressor);
  return compressor !== undefined;
}

async function start(): Promise<void> {
  if (await servesCompression()) return;
  await main(commandLine);
  endWhenWritten();
}

void start();
