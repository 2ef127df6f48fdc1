/**
 * The outside world of this package: made once at the top (`main.ts`, `index.ts`), handed down, replaced in tests.
 *
 * The file system is not in here: tests use real temporary folders.
 */

/** Verbose lines; none of them may hold a token, a password or a signed URL. */
export interface Log {
  /** Steps of the work, for `--verbose`. */
  debug(message: string): void;
  /** News that a person should have although the work goes on. */
  warn(message: string): void;
}

/** Told how far a transfer is; calls are cheap and may come once per chunk. */
export interface Progress {
  /** @param totalBytes Size that the manifest states, in bytes. */
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
  /** Resolves after `delayMs` milliseconds; rejects with the signal's reason when it is aborted. */
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** Environment variables; read by `config/` alone. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Name of the user, for the audit log. */
  readonly user: string;
  /** The effective user; undefined where files have no owner to compare it with (Windows). */
  readonly userId: number | undefined;
  /** Number of this process, as the system counts. */
  readonly processId: number;
  /** False when no process of this machine has the number. */
  readonly isRunning: (processId: number) => boolean;
  /** The working folder. */
  readonly cwd: string;
  /** The user's home folder. */
  readonly homeDir: string;
  /** `process.platform` and `process.arch`. */
  readonly os: string;
  readonly cpu: string;
  readonly log: Log;
  readonly progress: Progress;
}
