/** Runs a program as a person or a build would, and waits for what it says and how it ends. */
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Ran {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Added to a bare environment: nothing of the developer's own registries gets in. */
  readonly env?: Readonly<Record<string, string>>;
  readonly node?: string;
  /** In a session of its own, as a build's daemon runs it: there is no terminal to ask at. */
  readonly isDetached?: boolean;
  /** What is piped into it: nothing when it is left out; undefined leaves the pipe open for `onStart`. */
  readonly input?: string | undefined;
  /** Told the process, to signal it. */
  readonly onStart?: (child: import("node:child_process").ChildProcess) => void;
}

/** What a process needs to run at all. */
function bareEnvironment(home: string): Record<string, string> {
  const { PATH = "", TMPDIR } = process.env;
  return { PATH, HOME: home, ...(TMPDIR === undefined ? {} : { TMPDIR }) };
}

/** With a home of its own that nobody has written to, unless `options` name one. */
export async function run(executable: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const home = mkdtempSync(join(tmpdir(), "buck2-oras-home-"));
  // Another user whom a test runs it as finds nothing there, and no obstacle either.
  chmodSync(home, 0o755);
  try {
    return await spawned(executable, args, options, bareEnvironment(home));
  } finally {
    rmSync(home, { recursive: true, force: true, maxRetries: 3 });
  }
}

function spawned(
  executable: string,
  args: readonly string[],
  options: RunOptions,
  bare: Readonly<Record<string, string>>,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const { cwd, isDetached: detached = false } = options;
    const child = spawn(executable, args, { cwd, detached, env: { ...bare, ...options.env } });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (exitCode, signal) => resolve({ exitCode, signal, stdout, stderr }));
    // One that ends without reading is judged by how it ended.
    child.stdin.on("error", () => {});
    if (!("input" in options) || options.input !== undefined) child.stdin.end(options.input ?? "");
    options.onStart?.(child);
  });
}
