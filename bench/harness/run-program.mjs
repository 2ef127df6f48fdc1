/** One run of a program: its time from start to exit, or an error with what it said. */
import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";

/** The longest run of a contender; a hang must not hold up the rest. */
const limitMs = 120_000;
const keptStderrBytes = 40_000;

/** Programs that run now: an interrupted benchmark ends them. */
const running = new Set();

export function endPrograms() {
  for (const child of running) child.kill("SIGKILL");
}

/**
 * @param contender `command` is the program and its arguments; `cwd` and `env` are optional; `hear` receives standard error.
 * @returns Milliseconds.
 */
export function runProgram({ command, cwd, env, hear }) {
  const [program, ...args] = command;
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "ignore", "pipe"] });
    running.add(child);
    let stderr = "";
    let elapsed = 0;
    const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
    child.stderr.on("data", (text) => {
      stderr = `${stderr}${text}`.slice(-keptStderrBytes);
    });
    child.once("error", reject);
    child.once("exit", () => {
      elapsed = performance.now() - start;
      clearTimeout(timer);
      running.delete(child);
      // A daemon that the program started may hold standard error open.
      setTimeout(() => child.stderr.destroy(), 500).unref();
    });
    child.once("close", (code, signal) => {
      hear?.(stderr);
      if (code === 0) resolve(elapsed);
      else reject(new ProgramFailure(command, signal ?? code, stderr));
    });
  });
}

export class ProgramFailure extends Error {
  constructor(command, end, stderr) {
    const words = command.slice(0, 4).map((word) => word.split("/").at(-1));
    const reason = reasonIn(stderr);
    super(`${words.join(" ")} … ended with ${end}: ${reason}`);
    this.reason = reason;
  }
}

/** Lines that say the reason: ours, Buck2's refusals, and causes from the innermost to the outermost. */
const telling = [
  /error\[[A-Z_]+\]: .*/,
  /Trying to execute a .*/,
  /error reading a body.*/,
  /HTTP: .*/,
  /HTTP error .*/,
];

function reasonIn(stderr) {
  const found = telling.map((pattern) => pattern.exec(stderr)?.[0]).find((line) => line !== undefined);
  const line = found ?? stderr.trim().split("\n").slice(-3).join("; ");
  // Ports of loopback and digests differ from run to run.
  const lasting = stripVTControlCharacters(line).replaceAll(/(?:to |for )?\(?https?:\/\/\S+/g, "");
  return lasting.replaceAll(/\s+/g, " ").trim().slice(0, 300);
}
