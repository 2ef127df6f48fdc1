/**
 * Child processes with bounds on output and time, ended by the caller's signal.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { platform } from "node:os";
import { systemProgram, windowsStart } from "./windows-program.ts";

export interface ChildRequest {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Written to stdin, which is then closed. */
  readonly input: string;
  /** A child that writes more is ended. */
  readonly maxStdoutBytes: number;
  /** Maximum bytes kept from the end of stderr. */
  readonly maxStderrBytes: number;
  readonly timeoutMs: number | undefined;
  /**
   * `group`: a separate process group, ended as a whole. `session`: the group of this process, so that the child can
   * prompt at the terminal.
   */
  readonly runsIn: "group" | "session";
  /** Treatment of processes that remain in the child's group after its exit; an agent must stay. */
  readonly leavings: "stay" | "end";
}

export interface ChildEnd {
  readonly outcome: "exited" | "wrote too much" | "took too long";
  /** 1 for a child ended by a signal. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Time between SIGTERM and SIGKILL. */
const graceMs = 2000;
/** Limit for the last output after the exit: a grandchild can hold the pipe open. */
const drainMs = 500;

/** Windows has no process groups, and `detached` would open a window. */
const hasGroups = platform() !== "win32";

type RunningIn = Pick<ChildRequest, "env" | "runsIn">;

const running = new Map<ChildProcess, RunningIn>();

function send(child: ChildProcess, { env, runsIn }: RunningIn, name: NodeJS.Signals): void {
  try {
    if (runsIn === "group" && hasGroups && child.pid !== undefined) process.kill(-child.pid, name);
    else if (!hasGroups && child.pid !== undefined) endTree(child, child.pid, env);
    else child.kill(name);
  } catch {
    // The process has ended, or belongs to another user.
  }
}

/** `kill` would end only the `cmd.exe` of a `.cmd` file, and leave the client that the file started. */
function endTree(child: ChildProcess, pid: number, env: RunningIn["env"]): void {
  const taskkill = systemProgram("taskkill.exe", env);
  const ending = spawn(taskkill, ["/pid", String(pid), "/t", "/f"], { stdio: "ignore", windowsHide: true });
  ending.on("error", () => child.kill());
  ending.on("exit", () => child.kill());
  ending.unref();
}

/** Ends all children: a second Ctrl-C exits this process without waiting. */
function endAll(): void {
  for (const [child, runningIn] of running) send(child, runningIn, "SIGKILL");
}

/**
 * @returns The end of the child, by itself or by its bounds.
 * @throws The signal's reason, after the child has ended; Node's error if the child cannot be started.
 */
export async function runChild(request: ChildRequest, signal: AbortSignal): Promise<ChildEnd> {
  signal.throwIfAborted();
  const { program, args, env, cwd, runsIn, leavings, timeoutMs } = request;
  const start = hasGroups ? { program, args, isVerbatim: false } : await windowsStart(program, args, request);
  const child = spawn(start.program, start.args, {
    env,
    cwd,
    detached: runsIn === "group" && hasGroups,
    windowsHide: true,
    windowsVerbatimArguments: start.isVerbatim,
  });
  if (running.size === 0) process.once("exit", endAll);
  running.set(child, request);
  let outcome: ChildEnd["outcome"] = "exited";
  const timers: NodeJS.Timeout[] = [];
  const after = (ms: number, work: () => void): void => void timers.push(setTimeout(work, ms));

  const stdout = gather(child.stdout, request.maxStdoutBytes, () => stop("wrote too much"));
  const stderr = gather(child.stderr, request.maxStderrBytes, () => {});
  let giveUp = (): void => {};
  const stop = (why: ChildEnd["outcome"]): void => {
    if (outcome === "exited") outcome = why;
    send(child, request, "SIGTERM");
    after(graceMs, () => {
      send(child, request, "SIGKILL");
      // A setuid program may refuse signals: it is not awaited.
      after(drainMs, giveUp);
    });
  };
  const onAbort = (): void => stop("took too long");
  signal.addEventListener("abort", onAbort, { once: true });
  if (timeoutMs !== undefined) after(timeoutMs, () => stop("took too long"));
  try {
    const exitCode = await new Promise<number>((resolve, reject) => {
      giveUp = () => resolve(1);
      child.on("error", reject);
      child.on("exit", (code) => {
        if (runsIn === "group" && (leavings === "end" || outcome !== "exited")) send(child, request, "SIGKILL");
        after(drainMs, () => resolve(code ?? 1));
      });
      child.on("close", (code) => resolve(code ?? 1));
      // A child may end without reading its input; only its exit code counts.
      child.stdin.on("error", () => {}).end(request.input);
    });
    signal.throwIfAborted();
    return { outcome, exitCode, stdout: stdout(), stderr: stderr() };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    for (const stream of child.stdio) stream?.destroy();
    child.unref();
    running.delete(child);
    if (running.size === 0) process.off("exit", endAll);
  }
}

/**
 * Reads a stream and keeps its last `maxBytes`.
 *
 * @returns A function that returns the kept text.
 */
function gather(stream: NodeJS.ReadableStream, maxBytes: number, onExcess: () => void): () => string {
  let chunks: Buffer[] = [];
  let size = 0;
  let isExceeded = false;
  stream.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size <= maxBytes) return;
    if (!isExceeded) onExcess();
    isExceeded = true;
    // Truncates only at twice the limit, so that not every chunk causes a copy.
    if (size > 2 * maxBytes) {
      chunks = [Buffer.concat(chunks).subarray(-maxBytes)];
      size = maxBytes;
    }
  });
  return () => Buffer.concat(chunks).subarray(-maxBytes).toString("utf8");
}
