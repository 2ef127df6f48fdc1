/**
 * Runs a program as a child process that is bounded: in what it may write, in its time, and by the caller's signal. What it
 * started ends with it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { platform } from "node:os";

export interface ChildRequest {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Written to its stdin, which then ends. */
  readonly input: string;
  /** One that writes more to stdout is ended. */
  readonly maxStdoutBytes: number;
  /** Bytes of stderr that are kept, from its end. */
  readonly maxStderrBytes: number;
  readonly timeoutMs: number | undefined;
  /**
   * `group`: a process group of its own, ended as a whole. `session`: beside us, since it may ask a person at the terminal,
   * which a group of its own could not.
   */
  readonly runsIn: "group" | "session";
  /** Children that it left in its group when it ended by itself: an agent for the next time, or nothing that anybody wants. */
  readonly leavings: "stay" | "end";
}

export interface ChildEnd {
  readonly outcome: "exited" | "wrote too much" | "took too long";
  /** 1 for one that a signal ended. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** For a program to take leave in. */
const graceMs = 2000;
/** The wait for its last output: a child of its own may hold the pipe open for as long as it likes. */
const drainMs = 500;

/** Windows has no process groups, and `detached` would open a window there. */
const hasGroups = platform() !== "win32";

const running = new Map<ChildProcess, ChildRequest["runsIn"]>();

function send(child: ChildProcess, runsIn: ChildRequest["runsIn"], name: NodeJS.Signals): void {
  try {
    if (runsIn === "group" && hasGroups && child.pid !== undefined) process.kill(-child.pid, name);
    else child.kill(name);
  } catch {
    // It has ended, or belongs to another user.
  }
}

/** A second Ctrl-C ends this process without waiting for anything. */
function endAll(): void {
  for (const [child, runsIn] of running) send(child, runsIn, "SIGKILL");
}

/**
 * @returns However it ended by itself, or by its bounds.
 * @throws The signal's reason, when the child and its group have ended; Node's error when it cannot be started.
 */
export async function runChild(request: ChildRequest, signal: AbortSignal): Promise<ChildEnd> {
  signal.throwIfAborted();
  const { program, args, env, cwd, runsIn, leavings, timeoutMs } = request;
  const child = spawn(program, args, { env, cwd, detached: runsIn === "group" && hasGroups, windowsHide: true });
  if (running.size === 0) process.once("exit", endAll);
  running.set(child, runsIn);
  let outcome: ChildEnd["outcome"] = "exited";
  const timers: NodeJS.Timeout[] = [];
  const after = (ms: number, work: () => void): void => void timers.push(setTimeout(work, ms));

  const stdout = gather(child.stdout, request.maxStdoutBytes, () => stop("wrote too much"));
  const stderr = gather(child.stderr, request.maxStderrBytes, () => {});
  let giveUp = (): void => {};
  const stop = (why: ChildEnd["outcome"]): void => {
    if (outcome === "exited") outcome = why;
    send(child, runsIn, "SIGTERM");
    after(graceMs, () => {
      send(child, runsIn, "SIGKILL");
      // One that may not be ended (a setuid program) is not waited for either.
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
        if (runsIn === "group" && (leavings === "end" || outcome !== "exited")) send(child, runsIn, "SIGKILL");
        after(drainMs, () => resolve(code ?? 1));
      });
      child.on("close", (code) => resolve(code ?? 1));
      // One that ends without reading is judged by how it ended.
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
 * Reads a stream and keeps its end.
 *
 * @returns What is kept, as text.
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
    // Twice as much is kept meanwhile, so that not every chunk copies all of it.
    if (size > 2 * maxBytes) {
      chunks = [Buffer.concat(chunks).subarray(-maxBytes)];
      size = maxBytes;
    }
  });
  return () => Buffer.concat(chunks).subarray(-maxBytes).toString("utf8");
}
