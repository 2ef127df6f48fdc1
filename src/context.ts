/**
 * Access to the outside world: created once at the top (`main.ts`, `index.ts`), passed down, replaced in tests.
 *
 * The file system is not included: tests use real temporary folders.
 */

/** Log lines; none may contain a token, a password or a signed URL. */
export interface Log {
  /** A step of the work, for `--verbose`. */
  debug(message: string): void;
  /** A problem that does not end the work but that a person should know. */
  warn(message: string): void;
}

/** Receiver of transfer progress; calls are cheap, and may come once per chunk. */
export interface Progress {
  /** @param totalBytes Size in bytes, as stated by the manifest. */
  start(label: string, totalBytes: number): ProgressTask;
}

export interface ProgressTask {
  /** @param chunkBytes Bytes since the last call. */
  advance(chunkBytes: number): void;
  done(): void;
}

export interface Context {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Resolves after `delayMs` milliseconds; rejects with the signal's reason on abort. */
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** Environment variables; read by `config/` alone. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Name of the user, for the audit log. */
  readonly user: string;
  /** The effective user ID; undefined on systems without file owners (Windows). */
  readonly userId: number | undefined;
  readonly processId: number;
  /** False if no process of this machine has the ID. */
  readonly isRunning: (processId: number) => boolean;
  /** The working folder. */
  readonly cwd: string;
  /** The user's home folder. */
  readonly homeDir: string;
  /** `process.platform` and `process.arch`. */
  readonly os: string;
  readonly cpu: string;
  /** Processors that this process may use. */
  readonly processors: number;
  /** Path of the executable's bundle, from which threads start; undefined: no threads are started. */
  readonly bundlePath: string | undefined;
  readonly log: Log;
  readonly progress: Progress;
}
