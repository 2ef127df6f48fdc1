/** A program in the foreground: it has the terminal and the streams of this process, and this process ends as it ends. */
import type { ChildProcess } from "node:child_process";
import { LocalIoError } from "../errors.ts";
import { type Start, windowsStart } from "./windows-program.ts";

export interface ForegroundRequest {
  /** Absolute path. */
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** True: the terminal sends Ctrl-C to the whole group, so that the program already has it. */
  readonly hasTerminal: boolean;
}

/** Signals of this process, as `process.on` and `process.off`. */
export interface Signals {
  readonly on: (name: NodeJS.Signals, listener: () => void) => void;
  readonly off: (name: NodeJS.Signals, listener: () => void) => void;
}

export type ForegroundEnd = { readonly exitCode: number } | { readonly signal: NodeJS.Signals };

const passedOn: readonly NodeJS.Signals[] = ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2"];
const ofTerminal: ReadonlySet<NodeJS.Signals> = new Set(["SIGINT", "SIGQUIT"]);
/** Signals that Windows lets a process listen to. */
const ofWindows: ReadonlySet<NodeJS.Signals> = new Set(["SIGTERM", "SIGHUP", "SIGINT"]);

function notStarted(program: string, cause: unknown): LocalIoError {
  return new LocalIoError("LOCAL_IO", `could not start ${program}`, {
    cause,
    hint: "check that the tool is made for this machine; a script needs the interpreter of its first line",
  });
}

async function startOf(
  program: string,
  args: readonly string[],
  env: ForegroundRequest["env"],
  os: string,
): Promise<Start> {
  if (os !== "win32") return { program, args, isVerbatim: false };
  const defined = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  return await windowsStart(program, args, { env: Object.fromEntries(defined), cwd: "." }).catch((cause: unknown) => {
    throw notStarted(program, cause);
  });
}

/** @throws {LocalIoError} a program that cannot be started */
export async function runInForeground(
  { program, args, env, hasTerminal }: ForegroundRequest,
  signals: Signals,
  os: string,
): Promise<ForegroundEnd> {
  const way = await startOf(program, args, env, os);
  const { spawn } = await import("node:child_process");
  const start = (): ChildProcess => {
    try {
      const { isVerbatim: windowsVerbatimArguments } = way;
      return spawn(way.program, way.args, { env: { ...env }, stdio: "inherit", windowsVerbatimArguments });
    } catch (cause) {
      throw notStarted(program, cause);
    }
  };
  let child: ChildProcess | undefined;
  const names = passedOn.filter((name) => os !== "win32" || ofWindows.has(name));
  const listeners = names.map((name) => {
    const listener = (): void => {
      if (!(hasTerminal && ofTerminal.has(name))) child?.kill(name);
    };
    signals.on(name, listener);
    return { name, listener };
  });
  try {
    // Started after the listeners are there: a signal may come as soon as the program runs. libuv gives a child the default
    // reaction to every signal, as a shell does: Node itself ignores SIGPIPE.
    const started = start();
    child = started;
    return await new Promise((resolve, reject) => {
      started.on("error", (cause) => reject(notStarted(program, cause)));
      started.on("exit", (code, signal) => resolve(signal === null ? { exitCode: code ?? 1 } : { signal }));
    });
  } finally {
    for (const { name, listener } of listeners) signals.off(name, listener);
  }
}
